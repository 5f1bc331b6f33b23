import { expect, it } from 'vitest'
import { admin, ask, openWorld, patient, viewer } from '../conformance/http/world.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'

const bob = { ...ada, id: 13, name: 'Bob Stone', email: 'bob@example.org', phone: '+14155550199' }
const { email: _, ...carol } = { ...ada, id: 14, name: 'Carol Hale', phone: '+14155550188' }

/** Three appointments of the last weeks, which were sent as the documented defaults have it, and a price for SMS. */
async function month() {
  const clinic = await openClinic('2026-03-01T09:00:00Z')
  const messagePrices = [{ channel: 'SMS', currency: 'USD', price: 0.008 }] as const
  await clinic.settings.createOrganizationSettings(organizationId, { messagePrices: [...messagePrices] })
  const bookedAt = '2026-02-20T09:00:00Z'
  clinic.host.book({ id: 1, startsAt: '2026-03-05T10:00:00Z', bookedAt, recipients: [ada, carol] })
  clinic.host.book({ id: 2, startsAt: '2026-03-09T10:00:00Z', bookedAt, recipients: [bob] })
  clinic.host.book({ id: 3, startsAt: '2026-03-12T10:00:00Z', bookedAt })
  clinic.host.book({ id: 4, startsAt: '2026-05-01T10:00:00Z' })
  await clinic.start()
  await clinic.notifications.scheduleMany([1, 2, 3, 4])
  await clinic.clock.advanceTo('2026-03-20T09:00:00Z')
  clinic.host.change(1, { status: 'completed' })
  clinic.host.change(3, { status: 'cancelled' })
  return clinic
}

it('says what other settings would have sent, what it costs, and who would have lost a reminder', async () => {
  await using clinic = await month()
  const sent = clinic.outbox.sent.filter(({ category }) => category === 'REMINDER')
  const before = await clinic.settings.getOrganizationSettings(organizationId)
  const report = await clinic.insight.whatIf({ organizationId, settings: { smsEnabled: false } })
  expect(report).toMatchObject({
    isComplete: true,
    appointments: 2,
    leftOut: 1,
    before: { messages: 10, segments: 6, costs: [{ currency: 'USD', amount: 0.048 }], byChannel: { EMAIL: 4, SMS: 6 } },
    after: { messages: 4, segments: 0, costs: [], byChannel: { EMAIL: 4, SMS: 0 } },
    losing: { fewer: 2, none: 1 },
  })
  expect(report.lost.map(({ recipient, before: had, after, rules }) => [recipient.id, had, after, rules])).toEqual([
    [ada.id, 4, 2, ['channel_disabled_by_organization']],
    [carol.id, 2, 0, ['channel_disabled_by_organization']],
    [bob.id, 4, 2, ['channel_disabled_by_organization']],
  ])
  // The rules are those that sent: it is what went out, beside the four of the appointment that was cancelled later.
  expect(sent).toHaveLength(report.before.messages + 4)
  // Nothing of it is stored.
  expect(await clinic.settings.getOrganizationSettings(organizationId)).toEqual(before)
})

it('lets others work between its pages, though a database and a directory in this process answer at once', async () => {
  await using clinic = await openClinic('2026-03-01T09:00:00Z')
  await clinic.settings.createOrganizationSettings(organizationId, {})
  const ids = Array.from({ length: 250 }, (_, index) => index + 1)
  for (const id of ids) clinic.host.book({ id, startsAt: '2026-03-05T10:00:00Z', recipients: [ada] })
  await clinic.notifications.scheduleMany(ids)
  await clinic.clock.advanceTo('2026-03-20T09:00:00Z')
  let turns = 0
  const timer = setInterval(() => (turns += 1))
  const ask = () => clinic.insight.whatIf({ organizationId, settings: {} })
  expect(await ask()).toMatchObject({ appointments: 250, isComplete: true })
  turns = 0
  await ask()
  clearInterval(timer)
  expect(turns).toBeGreaterThanOrEqual(3)
})

it('looks at so many appointments, from so far back, and says where it stopped', async () => {
  await using clinic = await month()
  const settings = { defaultEmailReminders: [72, 24, 2] }
  const some = await clinic.insight.whatIf({ organizationId, settings, limit: 1 })
  expect(some).toMatchObject({ isComplete: false, appointments: 1, until: new Date('2026-03-05T10:00:00Z') })
  const later = await clinic.insight.whatIf({ organizationId, settings, since: new Date('2026-03-06T00:00:00Z') })
  expect(later).toMatchObject({ isComplete: true, appointments: 1, losing: { fewer: 0, none: 0 } })
  expect(later.after.messages - later.before.messages).toBe(1)
  const longAgo = await clinic.insight.whatIf({ organizationId, settings, since: new Date('2020-01-01T00:00:00Z') })
  expect(longAgo.since).toEqual(new Date('2025-12-20T09:00:00Z'))
})

it('counts no reminder that was past when the appointment was booked, also where the directory does not say when that was', async () => {
  await using clinic = await openClinic('2026-03-01T09:00:00Z')
  clinic.host.book({ id: 1, startsAt: '2026-03-01T21:00:00Z', recipients: [bob] })
  await clinic.start()
  await clinic.notifications.scheduleReminders(1)
  await clinic.clock.advanceTo('2026-03-02T09:00:00Z')
  // Two hours before, by mail and by SMS; the day before was over.
  expect(clinic.outbox.sent).toHaveLength(2)
  const settings = { defaultEmailReminders: [24] }
  expect(await clinic.insight.whatIf({ organizationId, settings })).toMatchObject({
    before: { messages: 2, byChannel: { EMAIL: 1, SMS: 1 } },
    after: { messages: 1, byChannel: { EMAIL: 0, SMS: 1 } },
    losing: { fewer: 1, none: 0 },
  })
})

it('counts each appointment once against the limit, and knows where there are no more', async () => {
  await using clinic = await openClinic('2026-03-01T09:00:00Z')
  const ids = Array.from({ length: 61 }, (_, index) => index + 1)
  for (const id of ids) clinic.host.book({ id, startsAt: '2026-03-05T10:00:00Z', recipients: [bob, ada] })
  await clinic.notifications.scheduleMany(ids)
  clinic.clock.jump('2026-03-20T09:00:00Z')
  const upTo = (limit: number) => clinic.insight.whatIf({ organizationId, settings: {}, limit })
  expect(await upTo(60)).toMatchObject({ isComplete: false, appointments: 60, leftOut: 0 })
  expect(await upTo(61)).toMatchObject({ isComplete: true, appointments: 61, leftOut: 0 })
  const { losing, lost } = await clinic.insight.whatIf({ organizationId, settings: { smsEnabled: false } })
  expect([losing, lost.length]).toEqual([{ fewer: 122, none: 0 }, 100])
})

it('refuses what could not be saved, and an organization that there is none of', async () => {
  await using clinic = await month()
  const wrong = { smsTemplates: { appointment_reminder: 'At {tme}' } }
  await expect(clinic.insight.whatIf({ organizationId, settings: wrong })).rejects.toMatchObject({
    code: 'template_invalid',
  })
  await expect(clinic.insight.whatIf({ organizationId: 'nobody', settings: {} })).rejects.toMatchObject({
    code: 'organization_not_found',
  })
})

it('is for admins and services over HTTP', async () => {
  await using world = await openWorld()
  const path = `/settings/${organizationId}/what-if`
  const body = { settings: { default_sms_reminders: [24] }, limit: 10 }
  const asked = (caller: typeof admin) => ask(world, { method: 'POST', path, body, caller })
  const { status, answer } = await asked(admin)
  expect([status, answer]).toMatchObject([200, { organization_id: organizationId, is_complete: true, lost: [] }])
  for (const caller of [viewer, patient]) expect((await asked(caller)).status).toBe(403)
})
