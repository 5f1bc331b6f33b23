import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bounces } from '../../adapters/transport/bounces.ts'
import { capture } from '../../adapters/transport/capture.ts'
import { smtp } from '../../adapters/transport/smtp.ts'
import type { BounceReader, DirectoryAppointment, NotificationsOptions, Transport } from '../../src/index.ts'
import type { Store } from '../../src/records/store.ts'
import { openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { type Bounce, bounceMail, bounceOf, complaintMail, vacationMail } from '../support/report-mails.ts'
import { startSmtpServer } from '../support/smtp-server.ts'
import { postgres, sqlite } from '../support/stores.ts'

const now = '2031-03-10T12:00:00.000Z'
const hourMs = 3_600_000
const address = 'ada@example.org'
const ada = { type: 'PATIENT', id: 7, name: 'Ada', email: address, phone: null } as const
const nothing = { report: 'none', notificationId: null, updated: false }

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())

type Options = Partial<NotificationsOptions> & { readonly recipients?: DirectoryAppointment['recipients'] }

async function open(storage: Store, { recipients = [ada], ...options }: Options = {}) {
  const clinic = await openClinic(now, { storage, bounces: bounces(), ...options })
  await clinic.start()
  let appointmentId = 0
  return Object.assign(clinic, {
    /** Sends a confirmation, and returns its number and how a bounce quotes it. */
    async send(organization = organizationId) {
      appointmentId += 1
      const startsAt = new Date(clinic.clock.now().getTime() + 30 * 24 * hourMs)
      clinic.host.book({ id: appointmentId, organizationId: organization, startsAt, recipients: [...recipients] })
      const asked = { category: 'CONFIRMATION', channel: 'EMAIL' } as const
      const { omitted } = await clinic.notifications.sendAppointmentNotification(appointmentId, asked)
      if (omitted.length > 0) return { id: 0, appointmentId, quoted: { messageId: null, to: address }, omitted }
      await clinic.clock.advance(1000)
      const asFound = async () => (await clinic.notifications.history({ appointmentId })).notifications
      await expect.poll(async () => (await asFound()).length).toBe(1)
      const [sent] = await asFound()
      const key = clinic.outbox.sent.findLast(({ notificationId }) => notificationId === sent?.id)?.idempotencyKey
      if (sent === undefined || key === undefined) throw new Error('nothing was sent')
      return { id: sent.id, appointmentId, quoted: { messageId: `${key}@clinic.example`, to: address }, omitted }
    },
    bounce: (bounce: Bounce) => clinic.ingestBounce(bounceMail(bounce)),
    standing: () => clinic.addresses.get(organizationId, { channel: 'EMAIL', address }),
  })
}

describe.each([
  ['SQLite', () => sqlite(':memory:')],
  [
    'PostgreSQL',
    () => postgres({ url: server.url, schema: `bounces_${process.pid}_${Math.trunc(Math.random() * 1e9)}` }),
  ],
])('bounced mail, on %s', (_name, storage) => {
  it('makes the message bounced, once, and emits an event', async () => {
    await using clinic = await open(storage())
    const { id, appointmentId, quoted } = await clinic.send()
    const failed: unknown[] = []
    clinic.events.on('notification.failed', (event) => failed.push(event))
    const diagnostic = `smtp; 552 5.2.2 <${address}>: Mailbox full`
    const bounce = { ...quoted, status: '5.2.2', diagnostic }
    expect(await clinic.bounce(bounce)).toEqual({ report: 'bounced', notificationId: id, updated: true })
    expect(await clinic.bounce(bounce)).toEqual({ report: 'bounced', notificationId: id, updated: false })
    expect(await clinic.notifications.getNotification(id)).toMatchObject({
      status: 'BOUNCED',
      errorMessage: '<[address]>: Mailbox full',
    })
    expect(failed).toMatchObject([{ notificationId: id, code: 'smtp_5.2.2' }])
    const story = await clinic.notifications.explain(appointmentId)
    expect(story.filter(({ rule }) => rule === 'reported_bounced')).toMatchObject([{ detail: 'smtp_5.2.2' }])
    expect(await clinic.statistics.read()).toMatchObject({ bounced: 1, sent: 0 })
    expect((await clinic.standing()).suppression).toBeNull()
  })

  it('suppresses the address that nobody has at the second message on another day', async () => {
    await using clinic = await open(storage())
    const first = await clinic.send()
    await clinic.bounce(first.quoted)
    // The same day, and the same report again another day: neither is a second one.
    await clinic.clock.advance(hourMs)
    await clinic.bounce((await clinic.send()).quoted)
    await clinic.clock.advance(23 * hourMs)
    await clinic.bounce(first.quoted)
    expect((await clinic.standing()).suppression).toBeNull()
    const second = await clinic.send()
    expect(await clinic.bounce(second.quoted)).toMatchObject({ updated: true })
    expect((await clinic.standing()).suppression).toMatchObject({ cause: 'invalid', code: 'smtp_5.1.1' })
    expect((await clinic.send()).omitted).toMatchObject([{ rule: 'suppressed' }])
    // By the account of the host application it holds for everybody who sends by it.
    expect((await clinic.send(otherOrganizationId)).omitted).toMatchObject([{ rule: 'suppressed' }])
  })

  it('finds the second one whichever report comes first', async () => {
    await using clinic = await open(storage())
    const first = await clinic.send()
    await clinic.clock.advance(24 * hourMs)
    const second = await clinic.send()
    await clinic.bounce(second.quoted)
    expect((await clinic.standing()).suppression).toBeNull()
    await clinic.bounce(first.quoted)
    expect((await clinic.standing()).suppression).toMatchObject({ cause: 'invalid' })
  })

  it('does not suppress what took a message in between, or what failed for another reason', async () => {
    await using clinic = await open(storage())
    await clinic.bounce((await clinic.send()).quoted)
    await clinic.clock.advance(24 * hourMs)
    await clinic.bounce({ ...(await clinic.send()).quoted, status: '5.7.1', diagnostic: null })
    await clinic.send()
    await clinic.clock.advance(24 * hourMs)
    await clinic.bounce((await clinic.send()).quoted)
    expect((await clinic.standing()).suppression).toBeNull()
  })

  it('counts nothing that was said before a suppression was lifted', async () => {
    await using clinic = await open(storage())
    const first = await clinic.send()
    await clinic.bounce(first.quoted)
    await clinic.clock.advance(24 * hourMs)
    const second = await clinic.send()
    await clinic.bounce(second.quoted)
    await clinic.addresses.lift(organizationId, { channel: 'EMAIL', address })
    for (const { quoted } of [first, second]) {
      expect(await clinic.bounce(quoted)).toMatchObject({ updated: false })
      expect(await clinic.ingestBounce(complaintMail(quoted))).toMatchObject({ report: 'complained', updated: false })
    }
    expect((await clinic.standing()).suppression).toBeNull()
    await clinic.clock.advance(24 * hourMs)
    await clinic.bounce((await clinic.send()).quoted)
    expect((await clinic.standing()).suppression).toBeNull()
  })

  it('finds the message of a complaint without an address by its Message-ID', async () => {
    const sent: string[] = []
    const asMail: Transport = {
      ...capture(),
      send: async ({ idempotencyKey }) => ({ messageId: `<${sent[sent.push(idempotencyKey) - 1]}@clinic.example>` }),
    }
    await using clinic = await openClinic(now, { storage: storage(), bounces: bounces(), transports: [asMail] })
    await clinic.start()
    clinic.host.book({ id: 1, startsAt: '2031-04-10T12:00:00Z', recipients: [ada] })
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel: 'EMAIL' })
    const sentAfterASecond = async () => {
      await clinic.clock.advance(1000)
      return sent.length
    }
    await expect.poll(sentAfterASecond).toBe(1)
    const complain = (messageId: string) => clinic.ingestBounce(complaintMail({ messageId, to: 'redacted' }))
    expect(await complain('another@clinic.example')).toMatchObject({ report: 'complained', notificationId: null })
    expect(await complain(`${sent[0]}@clinic.example`)).toMatchObject({ report: 'complained', updated: true })
    const { suppression } = await clinic.addresses.get(organizationId, { channel: 'EMAIL', address })
    expect(suppression).toMatchObject({ cause: 'complaint' })
  })

  it('suppresses the address of a person who complains at once, and shows it with the message, which arrived', async () => {
    await using clinic = await open(storage())
    const { id, quoted } = await clinic.send()
    const complained = { report: 'complained', notificationId: id }
    expect(await clinic.ingestBounce(complaintMail(quoted))).toEqual({ ...complained, updated: true })
    expect(await clinic.ingestBounce(complaintMail(quoted))).toEqual({ ...complained, updated: false })
    expect((await clinic.standing()).suppression).toMatchObject({ cause: 'complaint', code: 'complaint_abuse' })
    expect(await clinic.notifications.getNotification(id)).toMatchObject({
      status: 'DELIVERED',
      deliveryDetail: { complained: expect.any(Date) },
    })
    expect((await clinic.send()).omitted).toMatchObject([{ rule: 'suppressed' }])
    expect(await clinic.statistics.read()).toMatchObject({ optOuts: { suppressedByChannel: { EMAIL: 1 } } })
  })

  it('shows a delay in the story, once, and changes nothing else', async () => {
    await using clinic = await open(storage())
    const { id, appointmentId, quoted } = await clinic.send()
    const delay = { ...quoted, action: 'delayed', status: '4.4.1', diagnostic: null }
    expect(await clinic.bounce(delay)).toEqual({ report: 'delayed', notificationId: id, updated: true })
    expect(await clinic.bounce(delay)).toEqual({ report: 'delayed', notificationId: id, updated: false })
    expect(await clinic.notifications.getNotification(id)).toMatchObject({ status: 'SENT', errorMessage: null })
    const story = await clinic.notifications.explain(appointmentId)
    expect(story.filter(({ rule }) => rule === 'reported_delayed')).toMatchObject([
      { action: 'deferred', notificationId: id, detail: 'smtp_4.4.1' },
    ])
    // The server gives up.
    await clinic.bounce({ ...quoted, status: '4.4.7', diagnostic: null })
    expect(await clinic.notifications.getNotification(id)).toMatchObject({ status: 'BOUNCED' })
  })

  it('changes nothing by what is no report, or quotes no message of ours rightly', async () => {
    await using clinic = await open(storage())
    const { id, quoted } = await clinic.send()
    const unmatched = { report: 'bounced', notificationId: null, updated: false }
    expect(await clinic.ingestBounce(vacationMail(quoted))).toEqual(nothing)
    expect(await clinic.ingestBounce('')).toEqual(nothing)
    expect(await clinic.bounce({ ...quoted, action: 'delivered', status: '2.0.0' })).toMatchObject({ report: 'none' })
    // The address alone is nothing that only we know, and neither is a Message-ID without it.
    expect(await clinic.bounce({ ...quoted, messageId: null })).toEqual(unmatched)
    expect(await clinic.bounce({ ...quoted, messageId: `x${quoted.messageId}` })).toEqual(unmatched)
    expect(await clinic.bounce({ ...quoted, messageId: quoted.messageId?.replace('@', 'x@') ?? null })).toEqual(
      unmatched,
    )
    expect(await clinic.bounce({ ...quoted, to: 'mallory@example.org' })).toEqual(unmatched)
    expect(await clinic.notifications.getNotification(id)).toMatchObject({ status: 'SENT' })
    expect((await clinic.standing()).suppression).toBeNull()
  })

  it('bounces what was forwarded, and says nothing of our address by that of others', async () => {
    await using clinic = await open(storage())
    const forwarded = ['Final-Recipient: rfc822; ada@home.example', 'Action: failed', 'Status: 5.1.1']
    const first = await clinic.send()
    await clinic.ingestBounce(bounceOf(first.quoted, [forwarded]))
    expect(await clinic.notifications.getNotification(first.id)).toMatchObject({ status: 'BOUNCED' })
    await clinic.clock.advance(24 * hourMs)
    const second = await clinic.send()
    await clinic.ingestBounce(bounceOf(second.quoted, [forwarded]))
    expect((await clinic.standing()).suppression).toBeNull()
    // It came to one of two.
    const third = await clinic.send()
    const other = ['Final-Recipient: rfc822; ada@work.example', 'Action: delivered', 'Status: 2.0.0']
    expect(await clinic.ingestBounce(bounceOf(third.quoted, [forwarded, other]))).toMatchObject({ report: 'none' })
    // Whatever became of others, ours is what counts.
    const own = [`Final-Recipient: rfc822;${address.toUpperCase()}`, 'Action: failed', 'Status: 5.1.1']
    expect(await clinic.ingestBounce(bounceOf(third.quoted, [other, own]))).toMatchObject({
      report: 'bounced',
      updated: true,
    })
    expect((await clinic.standing()).suppression).toMatchObject({ cause: 'invalid' })
  })
})

describe('reading bounced mail', () => {
  it('needs the option, and a mail of at most a megabyte', async () => {
    await using without = await openClinic(now)
    await expect(without.ingestBounce('')).rejects.toMatchObject({ code: 'options_invalid', field: 'bounces' })
    await using clinic = await open(sqlite(':memory:'))
    const long = 'x'.repeat(1024 * 1024 + 1)
    await expect(clinic.ingestBounce(long)).rejects.toMatchObject({ code: 'payload_too_large' })
  })

  it.each<[what: string, reader: BounceReader]>([
    ['throws', { read: () => Promise.reject(new Error(`cannot read the mail of ${address}`)) }],
    ['never answers', { read: () => new Promise(() => {}) }],
  ])('reads nothing by a reader that %s, and repeats none of its words', async (_what, reader) => {
    await using clinic = await open(sqlite(':memory:'), { bounces: reader })
    const reading = clinic.ingestBounce('From: a@b.example')
    await clinic.settle()
    await clinic.clock.advance(10_000)
    expect(await reading).toEqual(nothing)
    expect(JSON.stringify(clinic.log.lines)).not.toContain(address)
  })

  it('knows a message by its signed sender alone, whatever else the mail leaves out', async () => {
    const mailServer = await startSmtpServer()
    const verp = { address: 'bounces@mail.clinic.example', secret: 'a secret of at least thirty-two characters' }
    const env = {
      DEFAULT_SMTP_HOST: '127.0.0.1',
      DEFAULT_SMTP_PORT: String(mailServer.port),
      DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@clinic.example',
    }
    const transports = [smtp({ verp, requireTls: false })]
    await using clinic = await openClinic(now, { transports, env, bounces: bounces({ verp }) })
    await clinic.start()
    for (const id of [1, 2]) {
      clinic.host.book({ id, startsAt: new Date('2031-04-10T12:00:00Z'), recipients: [ada] })
      await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION', channel: 'EMAIL' })
      await expect.poll(() => mailServer.mails.length).toBe(id)
      await expect.poll(async () => (await clinic.notifications.history({})).total).toBe(id)
    }
    const [one, other] = mailServer.mails
    if (one === undefined || other === undefined) throw new Error('two mails were expected')
    expect(one).toMatchObject({ to: [address], parsed: { from: { value: [{ address: 'clinic@clinic.example' }] } } })
    const bare = { to: 'redacted@mailbox.example', messageId: null, returned: 'nothing' } as const
    // A signature holds for its own message only.
    const [, mac = ''] = /-([0-9a-f]+)@/.exec(one.from) ?? []
    const forged = other.from.replace(/-[0-9a-f]+@/, `-${mac}@`)
    expect(await clinic.ingestBounce(bounceMail({ ...bare, bounceAddress: forged }))).toMatchObject({
      notificationId: null,
    })
    // Some servers write addresses in capitals.
    const bounced = await clinic.ingestBounce(bounceMail({ ...bare, bounceAddress: one.from.toUpperCase() }))
    expect(bounced).toMatchObject({ report: 'bounced', updated: true })
    expect(await clinic.notifications.getNotification(bounced.notificationId ?? 0)).toMatchObject({
      status: 'BOUNCED',
      appointmentId: 1,
    })
    // The sender that a message came back from, where a provider blanked out all else.
    const complaint = complaintMail({ messageId: null, to: 'redacted@mailbox.example', returnPath: other.from })
    expect(await clinic.ingestBounce(complaint)).toMatchObject({ report: 'complained', updated: true })
    await mailServer.close()
  })
})
