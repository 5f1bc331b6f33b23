/** Nobody is reminded twice of the same. */
import { describe, expect, it } from 'vitest'
import { ask, service } from '../../conformance/http/world.ts'
import { ada, openClinic, organizationId } from '../../support/clinic.ts'

const minute = 60_000
const hour = 60 * minute
const now = '2026-03-18T12:00:00Z'
const at = (ms: number) => new Date(Date.parse(now) + ms)
const byMail = { ...ada, phone: null }

type Clinic = Awaited<ReturnType<typeof openClinic>>
const reminders = (clinic: Clinic) => clinic.outbox.sent.filter(({ category }) => category === 'REMINDER')

/** Booked ten hours before the start, and reminded of it at once. */
async function remindedLate(pastReminders: 'send_now' | 'merge') {
  const clinic = await openClinic(now)
  await clinic.settings.createOrganizationSettings(organizationId, { pastReminders, defaultEmailReminders: [24] })
  clinic.host.book({ id: 1, startsAt: at(10 * hour), recipients: [byMail] })
  await clinic.start()
  await clinic.notifications.scheduleReminders(1)
  await clinic.settle()
  expect(reminders(clinic)).toHaveLength(1)
  return clinic
}

describe.for(['send_now', 'merge'] as const)('a reminder that was sent late by the policy %s', (policy) => {
  it.for([
    ['more offsets', [48, 24, 12]],
    ['another offset', [12]],
  ] as const)('is not sent again for %s', async ([, offsets]) => {
    await using clinic = await remindedLate(policy)
    await clinic.settings.updateOrganizationSettings(organizationId, { defaultEmailReminders: [...offsets] })
    await clinic.clock.advance(hour)
    const { omitted } = await clinic.notifications.scheduleReminders(1)
    expect(omitted.map(({ rule }) => rule)).toContain('past_time')
    await clinic.clock.advance(hour)
    expect(reminders(clinic)).toHaveLength(1)
  })

  it('is followed by the offsets that are yet to come', async () => {
    await using clinic = await remindedLate(policy)
    await clinic.settings.updateOrganizationSettings(organizationId, { defaultEmailReminders: [24, 2] })
    await clinic.clock.advance(9 * hour)
    expect(reminders(clinic)).toHaveLength(2)
  })

  it('is not sent again for a start that differs by a millisecond, but for one that differs by an hour', async () => {
    await using clinic = await remindedLate(policy)
    clinic.host.change(1, { startsAt: at(10 * hour + 1) })
    await clinic.reconcile()
    await clinic.clock.advance(minute)
    expect(reminders(clinic)).toHaveLength(1)
    clinic.host.change(1, { startsAt: at(11 * hour) })
    await clinic.reconcile()
    await clinic.clock.advance(minute)
    expect(reminders(clinic)).toHaveLength(2)
  })
})

it('a cancelled reminder of before a move is shown with the date of its own start', async () => {
  await using clinic = await openClinic(now, { authenticate: () => service })
  clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z', recipients: [byMail] })
  await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
  clinic.host.change(1, { startsAt: '2026-03-25T18:30:00Z' })
  await clinic.notifications.rescheduleReminders(1)
  const rows = await clinic.notifications.getReminders(1)
  expect(rows.map(({ status }) => status)).toEqual(['CANCELLED', 'PENDING'])
  expect(rows[0]?.message).toContain('Friday, March 20, 2026')
  expect(rows[0]?.message).toContain('11:00')
  expect(rows[0]?.subject).toContain('March 20')
  expect(rows[1]?.message).toContain('Wednesday, March 25, 2026')
  const { answer } = await ask(clinic, { method: 'GET', path: '/reminders/appointment/1', caller: service })
  expect(Object(answer).reminders[0].message).toContain('March 20')
  expect(Object(answer).reminders[1].message).toContain('March 25')
})
