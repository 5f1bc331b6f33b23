import { afterEach, describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type DirectoryAppointment, type Transport, TransportError } from '../../src/index.ts'
import { ada, openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'

const now = '2026-03-02T12:00:00Z'
const startsAt = '2026-04-02T12:00:00Z'
const hourMs = 3_600_000
const number = '+14155550123'
const mother = { type: 'PATIENT', id: 7, name: 'Eve', email: null, phone: number } as const
const child = { type: 'PATIENT', id: 8, name: 'Abel', email: null, phone: '+1 (415) 555-0123' } as const
const sms = { channel: 'SMS', address: number } as const
const stop = new TransportError('The recipient opted out.', { outcome: 'suppressed', code: 'twilio_21610' })
const consent = { givenBy: 'the patient', how: 'by phone to the reception', at: new Date('2026-03-03T12:00:00Z') }

/** A clinic whose provider answers in turn as given (null: it takes the message), by accounts of its own where one is set. */
async function open(...answers: (TransportError | null)[]) {
  const outbox = capture({ fail: () => answers.shift() ?? null })
  const own: Transport = { ...outbox, name: 'twilio', channels: ['SMS'], needsAccount: true, send: outbox.send }
  const clinic = await openClinic(now, { transports: [outbox, own] })
  let id = 0
  const send = async (recipients: DirectoryAppointment['recipients'], organization = organizationId) => {
    id += 1
    clinic.host.book({ id, organizationId: organization, startsAt, recipients })
    const asked = { category: 'CONFIRMATION', channel: 'SMS' } as const
    const { omitted } = await clinic.notifications.sendAppointmentNotification(id, asked)
    await clinic.clock.advance(1000)
    return omitted.map(({ rule, detail }) => (detail === undefined ? rule : `${rule}: ${detail}`))
  }
  await clinic.start()
  running = clinic
  return { ...clinic, send, messages: outbox.sent }
}
let running: { stop(): Promise<unknown> } | undefined
afterEach(() => running?.stop())

/** Of another organization, where ids are others. */
const aunt = { ...mother, id: 9 } as const
const ownAccount = { smsProvider: 'twilio', smsApiKey: 'AC1', smsApiSecret: 'secret', smsFromNumber: '+14155550100' }
const because = 'suppressed: the person opted out (twilio_21610, since 2026-03-02T12:00:00.000Z)'

describe('STOP', () => {
  it('silences everybody who has the number, in whatever form, and says why', async () => {
    const clinic = await open(stop)
    expect(await clinic.send([mother])).toEqual([])
    expect(await clinic.send([child])).toEqual([because])
    expect(await clinic.send([{ ...child, phone: '+14155550124' }])).toEqual([])
    const { decisions } = await clinic.settings.effectivePreferences({ type: 'PATIENT', id: 7 })
    expect(decisions.find(({ channel, category }) => channel === 'SMS' && category === 'REMINDER')).toMatchObject({
      allowed: false,
      rule: 'suppressed',
      suppression: { cause: 'stop', since: new Date(now), code: 'twilio_21610' },
    })
    expect(decisions.find(({ channel }) => channel === 'EMAIL')).toMatchObject({ suppression: null })
  })

  it('to a shared sender binds every organization that sends by it, and none that has an account of its own', async () => {
    const clinic = await open(stop)
    await clinic.send([mother])
    expect(await clinic.send([aunt], otherOrganizationId)).toEqual([because])
    await clinic.settings.createOrganizationSettings(otherOrganizationId, ownAccount)
    expect(await clinic.send([aunt], otherOrganizationId)).toEqual([])
    expect(await clinic.send([mother])).toEqual([because])
  })

  it("to an organization's own account binds it with whatever account it sends later, and nobody else", async () => {
    const clinic = await open(stop)
    await clinic.settings.createOrganizationSettings(organizationId, ownAccount)
    await clinic.send([mother])
    expect(await clinic.send([aunt], otherOrganizationId)).toEqual([])
    await clinic.settings.updateOrganizationSettings(organizationId, { smsProvider: null })
    expect(await clinic.send([mother])).toEqual([because])
  })

  it('withdraws what waits at its time, with the cause in its story', async () => {
    const clinic = await open()
    clinic.host.book({ id: 1, startsAt, recipients: [mother] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.addresses.suppress(organizationId, { ...sms, cause: 'stop' })
    await clinic.clock.advance(31 * 24 * hourMs)
    expect(clinic.messages).toEqual([])
    const story = await clinic.notifications.explain(1)
    expect(story.at(-1)).toMatchObject({
      action: 'cancelled',
      rule: 'suppressed',
      detail: 'the person opted out (recorded, since 2026-03-02T12:00:00.000Z)',
    })
  })

  it('recorded for one organization says nothing to others with the same sender, unless it was said to that', async () => {
    const clinic = await open()
    await clinic.addresses.suppress(organizationId, { ...sms, cause: 'stop' })
    expect(await clinic.send([mother], otherOrganizationId)).toEqual([])
    const toSender = { sharedSender: true }
    await clinic.addresses.suppress(organizationId, { ...sms, cause: 'complaint', code: 'spam' }, toSender)
    expect(await clinic.send([mother], otherOrganizationId)).toEqual([
      'suppressed: the person reported a message as unwanted (spam, since 2026-03-02T12:00:01.000Z)',
    ])
  })

  it('is named when somebody writes the address into preferences', async () => {
    const clinic = await open(stop)
    await clinic.send([mother])
    const { warnings } = await clinic.settings.updatePreferences(
      { type: 'PATIENT', id: 7 },
      { phoneNumber: '+1 415 555 0123' },
    )
    expect(warnings).toEqual([
      {
        field: 'phoneNumber',
        code: 'address_suppressed',
        message:
          'gets no messages since 2026-03-02T12:00:00.000Z: the person opted out; a new consent of the person lifts it',
      },
    ])
  })

  it('outlives the deletion of the person', async () => {
    const clinic = await open(stop)
    await clinic.send([mother])
    await clinic.notifications.recipientDeleted({ type: 'PATIENT', id: 7 })
    expect(await clinic.send([child])).toEqual([because])
  })
})

describe('lifting', () => {
  it('what the person set takes a consent that was given since, and is kept with who said so', async () => {
    const clinic = await open(stop)
    await clinic.send([mother])
    const clerk = clinic.addresses.as({ kind: 'staff', id: 7 })
    await expect(clerk.lift(organizationId, sms)).rejects.toMatchObject({ code: 'consent_required', field: 'consent' })
    const older = { ...consent, at: new Date('2026-03-01T12:00:00Z') }
    await expect(clerk.lift(organizationId, { ...sms, consent: older })).rejects.toThrow(/older than that/)
    await expect(clerk.lift(organizationId, { ...sms, consent })).rejects.toMatchObject({ code: 'invalid_input' })
    await clinic.clock.advance(48 * hourMs)
    const lifted = await clerk.lift(organizationId, { ...sms, consent })
    expect(lifted).toMatchObject({ suppression: null, liftedAt: expect.any(Date), lastWorkedAt: null })
    expect(await clinic.send([child])).toEqual([])
    expect(clinic.messages.map(({ to }) => to)).toEqual([number])
    expect(await clinic.addresses.get(organizationId, sms)).toMatchObject({ lastWorkedAt: expect.any(Date) })
    const { entries } = await clinic.audit.list(organizationId, { action: 'address.lifted' })
    expect(entries).toMatchObject([
      { actor: { kind: 'staff', id: 7 }, target: { id: String(lifted.id) }, detail: { cause: 'stop', consent } },
    ])
  })

  it('of a failure by an account of its own leaves what the person said to the shared sender', async () => {
    const clinic = await open()
    await clinic.addresses.suppress(otherOrganizationId, { ...sms, cause: 'stop' }, { sharedSender: true })
    await clinic.settings.createOrganizationSettings(organizationId, ownAccount)
    await clinic.addresses.suppress(organizationId, { ...sms, cause: 'invalid' })
    await clinic.clock.advance(hourMs)
    expect(await clinic.addresses.lift(organizationId, sms)).toMatchObject({ suppression: null })
    expect(await clinic.send([mother])).toEqual([])
    await clinic.settings.updateOrganizationSettings(organizationId, { smsProvider: null })
    expect(await clinic.send([mother])).toEqual([
      'suppressed: the person opted out (recorded, since 2026-03-02T12:00:00.000Z)',
    ])
  })

  it('is for the organization alone, and what was left out meanwhile is planned', async () => {
    const clinic = await open(stop)
    await clinic.send([mother])
    clinic.host.book({ id: 50, startsAt, recipients: [mother] })
    await clinic.notifications.scheduleReminders(50, { customReminders: [24] })
    expect(await clinic.notifications.getReminders(50)).toEqual([])
    await clinic.clock.advance(48 * hourMs)
    await clinic.addresses.lift(organizationId, { ...sms, consent })
    await clinic.clock.advance(hourMs)
    expect(await clinic.notifications.getReminders(50)).toMatchObject([{ status: 'PENDING' }])
    expect(await clinic.send([aunt], otherOrganizationId)).toEqual([because])
  })

  it('what a failure set takes nobody but staff, and counts the days anew', async () => {
    const nobody = new TransportError('Nobody.', { outcome: 'permanent', code: 'smtp_5.1.1', addressUnknown: true })
    const clinic = await open(nobody, nobody, nobody)
    await clinic.send([mother])
    await clinic.clock.advance(24 * hourMs)
    await clinic.send([mother])
    expect(await clinic.addresses.suppressed(organizationId)).toMatchObject({
      addresses: [{ ...sms, suppression: { cause: 'invalid', code: 'smtp_5.1.1' } }],
      nextCursor: null,
    })
    await clinic.addresses.lift(organizationId, sms)
    await clinic.send([mother])
    expect(await clinic.addresses.get(organizationId, sms)).toMatchObject({ suppression: null })
    expect(await clinic.send([mother])).toEqual([])
    expect(clinic.messages).toHaveLength(1)
  })

  it('does nothing where nothing is suppressed, and refuses what is no address', async () => {
    const clinic = await open()
    expect(await clinic.addresses.lift(organizationId, sms)).toMatchObject({ id: null, liftedAt: null })
    expect((await clinic.audit.list(organizationId)).entries).toEqual([])
    await expect(clinic.addresses.lift(organizationId, { ...sms, address: 'ada@example.org' })).rejects.toMatchObject({
      code: 'invalid_input',
      field: 'address',
    })
    await expect(clinic.addresses.suppress('nobody', { ...sms, cause: 'stop' })).rejects.toMatchObject({
      code: 'organization_not_found',
    })
  })

  it('reads numbers by the country of the organization, and remembers what was proven', async () => {
    const clinic = await open()
    await clinic.settings.createOrganizationSettings(organizationId, { defaultCountry: 'US' })
    const known = await clinic.addresses.prove(organizationId, { channel: 'SMS', address: '(415) 555-0123' })
    expect(known).toMatchObject({ ...sms, provenAt: new Date(now), suppression: null })
  })
})

describe('the history', () => {
  it('is searched by address in whatever form it is written', async () => {
    const clinic = await open()
    await clinic.send([mother])
    await clinic.send([{ ...ada, phone: '+14155550199' }])
    const found = async (recipientAddress: string) =>
      (await clinic.notifications.history({ recipientAddress })).notifications.map((one) => one.recipientAddress)
    expect(await found('+1 (415) 555-0123')).toEqual([number])
    expect(await found('Ada@Example.org')).toEqual([])
    await expect(found('nobody')).rejects.toMatchObject({ code: 'invalid_input', field: 'recipientAddress' })
  })
})
