/** Contacts as people write them, from the host's row or a form to the provider. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { smtp } from '../../adapters/transport/smtp.ts'
import type { DirectoryRecipient, Transport } from '../../src/index.ts'
import type { Store } from '../../src/records/store.ts'
import { ask, service } from '../conformance/http/world.ts'
import { openClinic, organizationId } from '../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { startSmtpServer } from '../support/smtp-server.ts'
import { postgres } from '../support/stores.ts'

const now = '2030-01-10T12:00:00Z'
const start = new Date('2030-01-15T14:00:00Z')
const patient = { type: 'PATIENT', id: 12 } as const
type Clinic = Awaited<ReturnType<typeof open>>

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())

const open = (options: Parameters<typeof openClinic>[1] = {}) =>
  openClinic(now, { authenticate: () => ({ kind: 'service' }), ...options })

/** What is planned for a patient of these contacts, and what is sent. */
async function sentTo(clinic: Clinic, contacts: Partial<DirectoryRecipient>) {
  clinic.host.book({ id: 1, startsAt: start, recipients: [{ ...patient, ...contacts }] })
  const { reminders, omitted } = await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
  await clinic.start()
  await clinic.clock.advanceTo('2030-01-14T14:01:00Z')
  return { sent: clinic.outbox.sent.map(({ to }) => to), reminders, omitted }
}

const ask_ = (clinic: Clinic, method: string, path: string, body?: object) =>
  ask(clinic, { method, path, caller: service, ...(body === undefined ? {} : { body }) })
const settingsPath = `/settings/${organizationId}`

describe('a patient of the host', () => {
  it.each([
    ['+44 (0)7700 900123', '+447700900123'],
    ['\u202A+44\u20137700/900123\u202C', '+447700900123'],
    ['tel:+44-7700-900123', '+447700900123'],
  ])('with the number %j is sent to %s', async (phone, number) => {
    await using clinic = await open()
    expect((await sentTo(clinic, { phone })).sent).toEqual([number])
  })

  it.each([
    ['john&jane@example.org', 'john&jane@example.org'],
    ['info@b\u00FCcher.example', 'info@xn--bcher-kva.example'],
    ['ivan@xn--80aswg.xn--p1ai', 'ivan@xn--80aswg.xn--p1ai'],
    [' ada@example.org\u200B', 'ada@example.org'],
  ])('with the address %j is sent to %s', async (email, address) => {
    await using clinic = await open()
    expect((await sentTo(clinic, { email })).sent).toEqual([address])
  })

  it('with a national number is reminded in the country of the organization, and told why without one', async () => {
    await using clinic = await open()
    clinic.host.book({ id: 1, startsAt: start, recipients: [{ ...patient, phone: '07700 900123' }] })
    const { omitted } = await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    const reason = 'it has no country code, and the organization has no default country'
    expect(omitted).toContainEqual(expect.objectContaining({ rule: 'invalid_contact', channel: 'SMS', detail: reason }))
    const explained = await ask_(clinic, 'GET', '/reminders/appointment/1/explain')
    expect(explained.text).toContain(reason)
    expect(explained.text).not.toContain('900123')
    await clinic.settings.createOrganizationSettings(organizationId, { defaultCountry: 'gb' })
    await clinic.start()
    await clinic.clock.advanceTo('2030-01-14T14:01:00Z')
    expect(clinic.sentTo()).toEqual(['SMS +447700900123'])
  })

  it('with an extension is sent to without it, which explain says', async () => {
    await using clinic = await open()
    const { sent } = await sentTo(clinic, { phone: '+1 415 555 0123 ext. 5' })
    expect(sent).toEqual(['+14155550123'])
    expect(await clinic.notifications.explain(1)).toContainEqual(
      expect.objectContaining({
        action: 'warned',
        rule: 'contact_doubtful',
        because: expect.stringContaining('extension'),
      }),
    )
  })

  it('whose number is written in two ways gets one message', async () => {
    await using clinic = await open()
    const relative = { type: 'CLIENT', id: 5, phone: '+44 7700 900123' } as const
    clinic.host.book({ id: 1, startsAt: start, recipients: [{ ...patient, phone: '+44 (0)7700 900123' }, relative] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advanceTo('2030-01-14T14:01:00Z')
    expect(clinic.sentTo()).toEqual(['SMS +447700900123'])
  })
})

const storages: Readonly<Record<string, () => { storage?: Store }>> = {
  SQLite: () => ({}),
  Postgres: () => ({ storage: postgres({ url: server.url, schema: `contacts_${process.pid}` }) }),
}

describe.each(Object.entries(storages))('over HTTP, with %s', (_name, storage) => {
  it('a country, senders and contacts are stored as they are used', async () => {
    await using clinic = await open(storage())
    clinic.host.recipientRows.set('PATIENT:12', { ...patient, organizationId })
    const settings = {
      organization_id: organizationId,
      default_country: 'gb',
      sms_from_number: 'HARBOUR',
      quiet_hours: [],
    }
    expect(await ask_(clinic, 'POST', '/settings/', settings)).toMatchObject({
      status: 201,
      answer: { default_country: 'GB', sms_from_number: 'HARBOUR', warnings: [] },
    })
    for (const [written, stored] of [
      ['72345', '72345'],
      ['020 7946 0958', '+442079460958'],
    ]) {
      expect(await ask_(clinic, 'PUT', settingsPath, { sms_from_number: written })).toMatchObject({
        status: 200,
        answer: { sms_from_number: stored },
      })
    }
    expect(await ask_(clinic, 'PUT', settingsPath, { default_country: 'UK' })).toMatchObject({
      status: 422,
      answer: { errors: [{ field: 'default_country' }] },
    })
    expect(await ask_(clinic, 'PUT', settingsPath, { sms_from_number: 'TOOLONGANAME' })).toMatchObject({
      status: 422,
      answer: { errors: [{ field: 'sms_from_number', message: expect.stringContaining('up to 11 letters') }] },
    })
    const contacts = { phone_number: '020 7946 0958 x7', email_address: ' Ada@B\u00FCcher.example ' }
    expect(await ask_(clinic, 'POST', '/preferences/patient/', { patient_id: 12, ...contacts })).toMatchObject({
      status: 201,
      answer: {
        phone_number: '+442079460958',
        email_address: 'Ada@xn--bcher-kva.example',
        warnings: [{ field: 'phone_number', code: 'extension_dropped' }],
      },
    })
    expect(await ask_(clinic, 'PUT', '/preferences/patient/12', { phone_number: '+1 234567890' })).toMatchObject({
      status: 422,
      answer: { errors: [{ field: 'phone_number', message: expect.stringContaining('length') }] },
    })
    expect(await ask_(clinic, 'PUT', settingsPath, { default_country: null })).toMatchObject({
      answer: { default_country: null, sms_from_number: '+442079460958' },
    })
    expect(await ask_(clinic, 'PUT', '/preferences/patient/12', { phone_number: '020 7946 0958' })).toMatchObject({
      status: 422,
      answer: { errors: [{ field: 'phone_number', message: expect.stringContaining('no default country') }] },
    })
    const stopped = clinic.stop()
    await expect.poll(() => Promise.race([stopped.then(() => true), clinic.clock.advance(1000)])).toBe(true)
  })
})

describe('an organization that names only its sender address', () => {
  const env = {
    DEFAULT_SMTP_HOST: '127.0.0.1',
    DEFAULT_EMAIL_FROM_ADDRESS: 'host@example.com',
    DEFAULT_EMAIL_FROM_NAME: 'Host',
  }

  it('is answered to: the account of the host sends in its own name', async () => {
    const seen: { from: string | null; replyTo: string | null }[] = []
    const transport: Transport = {
      name: 'smtp',
      channels: ['EMAIL'],
      needsAccount: true,
      send: async ({ from, replyTo }) => {
        seen.push({ from, replyTo })
        return { messageId: null }
      },
    }
    await using clinic = await open({ transports: [transport], env })
    await clinic.settings.createOrganizationSettings(organizationId, { emailFromAddress: 'desk@harbour.example' })
    await sentTo(clinic, { email: 'ada@example.org' })
    expect(seen).toEqual([{ from: 'host@example.com', replyTo: 'desk@harbour.example' }])
  })

  it('is the Reply-To of the mail, and the host its From', async () => {
    const mailbox = await startSmtpServer()
    const transport = smtp({ security: 'off' })
    const { to, ...rest } = { to: 'ada@example.org', notificationId: 1, idempotencyKey: 'one', organizationId }
    const message = { category: 'REMINDER', channel: 'EMAIL', toName: null, subject: 'Hello', text: 'Hello' } as const
    const sender = { from: 'host@example.com', fromName: 'Host', replyTo: 'desk@harbour.example' }
    await transport.send(
      { ...rest, to, ...message, ...sender, html: null, template: null, deadline: null },
      {
        account: { channel: 'EMAIL', host: '127.0.0.1', port: mailbox.port, username: null, password: null },
        accountKey: 'host',
        receiptUrl: null,
        trusted: true,
        now: () => new Date(),
        signal: new AbortController().signal,
      },
    )
    const [mail] = mailbox.mails
    expect(mail?.parsed?.replyTo?.text).toBe('desk@harbour.example')
    expect(mail?.parsed?.from?.text).toContain('host@example.com')
    await transport.close?.()
    await mailbox.close()
  })
})
