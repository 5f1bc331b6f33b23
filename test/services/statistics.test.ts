import { expect, it } from 'vitest'
import { ada, openClinic } from '../support/clinic.ts'

const now = '2031-03-10T12:00:00.000Z'

it.each([
  ['a field of another name', '{"form":"2031-01-01"}', 'form'],
  ['a channel that is none', '{"channel":"FAX"}', 'channel'],
  ['a word for a day', '{"from":"yesterday"}', 'from'],
  ['an instant for a day', '{"to":"2031-01-01T00:00:00Z"}', 'to'],
])('refuses a filter with %s', async (_what, filter, field) => {
  await using clinic = await openClinic(now)
  const refused = { code: 'invalid_input', field }
  await expect(clinic.statistics.read(JSON.parse(filter))).rejects.toMatchObject(refused)
  await expect(clinic.statistics.reminders(JSON.parse(filter))).rejects.toMatchObject(refused)
})

/**
 * A clinic with Simpson's paradox, as in the public data of 110,527 visits (Vitoria, 2016): reminders went mostly to what was booked
 * long before, which is missed more often anyway.
 */
it('does not let reminders look harmful because they go to what was booked long before', async () => {
  await using clinic = await openClinic(now)
  const startsAt = new Date('2031-03-10T18:00:00Z')
  const booked = { 'same day': new Date(now), '8 to 30 days': new Date('2031-02-20T12:00:00Z') } as const
  const visits = [
    { lead: 'same day', customReminders: [], missed: 4, attended: 36 },
    { lead: 'same day', customReminders: [2], missed: 0, attended: 10 },
    { lead: '8 to 30 days', customReminders: [], missed: 6, attended: 4 },
    { lead: '8 to 30 days', customReminders: [2], missed: 16, attended: 24 },
  ] as const
  await clinic.start()
  let id = 0
  const outcomes = new Map<number, 'no_show' | 'attended'>()
  for (const { lead, customReminders, missed, attended } of visits) {
    for (let index = 0; index < missed + attended; index++) {
      id += 1
      outcomes.set(id, index < missed ? 'no_show' : 'attended')
      clinic.host.book({ id, startsAt, bookedAt: booked[lead], recipients: [{ ...ada, phone: null }] })
      await clinic.notifications.scheduleReminders(id, { customReminders: [...customReminders] })
    }
  }
  await clinic.clock.advanceTo('2031-03-10T20:00:00Z')
  expect(clinic.outbox.sent).toHaveLength(50)
  for (const [appointment, outcome] of outcomes) await clinic.notifications.recordOutcome(appointment, outcome)

  const { attendance } = await clinic.statistics.reminders()
  expect(attendance).toMatchObject({
    kind: 'descriptive',
    note: expect.stringContaining('do not show what reminders cause'),
  })
  const [without, reminded] = attendance.byReminders
  // The crude rates say that who is reminded stays away.
  expect(without).toMatchObject({ group: '0', count: 10, of: 50, rate: 0.2 })
  expect(reminded).toMatchObject({ group: '1', count: 16, of: 50, rate: 0.32 })
  // Within each lead time it is the other way round, and so it is in the standardized rates.
  const rates = (group: typeof without) =>
    group?.byLeadTime.flatMap((one) => (one.of === 0 ? [] : [[one.group, one.rate]]))
  expect(rates(without)).toEqual([
    ['same day', 0.1],
    ['8 to 30 days', 0.6],
  ])
  expect(rates(reminded)).toEqual([
    ['same day', 0],
    ['8 to 30 days', 0.4],
  ])
  const like = { overall: expect.closeTo(0.26), coverage: 1 }
  expect(without?.standardized).toMatchObject({ rate: expect.closeTo(0.35), ...like })
  expect(reminded?.standardized).toMatchObject({ rate: expect.closeTo(0.2), ...like })
})
