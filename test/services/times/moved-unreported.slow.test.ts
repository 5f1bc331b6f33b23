/** An appointment is moved in the host's own table, and nobody reports it. */
import { describe, expect, it } from 'vitest'
import { capture } from '../../../adapters/transport/capture.ts'
import { TransportError } from '../../../src/index.ts'
import { ada, openClinic } from '../../support/clinic.ts'

const minute = 60_000
const hour = 60 * minute
const now = '2026-03-18T12:00:00Z'
const start = new Date('2026-03-20T15:00:00Z')
const byMail = { ...ada, phone: null }
const startPlus = (ms: number, since = start) => new Date(since.getTime() + ms)

type Clinic = Awaited<ReturnType<typeof openClinic>>

async function booked(offsets = [24, 2], recipients: readonly (typeof byMail)[] = [byMail]) {
  const clinic = await openClinic(now)
  clinic.host.book({ id: 1, startsAt: start, recipients: [...recipients] })
  await clinic.notifications.scheduleReminders(1, { customReminders: offsets })
  await clinic.start()
  return clinic
}

const move = (clinic: Clinic, startsAt: Date) => clinic.host.change(1, { startsAt })
/** When reminders were sent, in minutes before the start they were about. */
async function sent(clinic: Clinic) {
  const rows = await clinic.notifications.getReminders(1)
  return rows
    .filter(({ status }) => status === 'SENT')
    .map(({ offset, startsAt, sentAt }) => `${offset} ${(startsAt.getTime() - Number(sentAt)) / minute}`)
}
const reminders = (clinic: Clinic) => clinic.outbox.sent.filter(({ category }) => category === 'REMINDER')

describe('an appointment that was moved and never reported', () => {
  it.for([
    ['an hour later', hour],
    ['an hour earlier', -hour],
    ['a millisecond later', 1],
    ['a millisecond earlier', -1],
    ['a day later', 24 * hour],
    ['20 hours earlier', -20 * hour],
  ] as const)('%s keeps all its reminders, found when one falls due', async ([, by]) => {
    await using clinic = await booked()
    await clinic.clock.advanceTo(startPlus(-24 * hour - minute))
    move(clinic, startPlus(by))
    await clinic.clock.advanceTo(startPlus(by + hour))
    const at = Math.min(24, 24 + by / hour)
    const lines = await sent(clinic)
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatch(/^24h /)
    expect(Number(lines[0]?.split(' ')[1]) / 60).toBeCloseTo(at, 3)
    expect(lines[1]).toBe('2h 120')
  })

  it.for([
    ['an hour earlier', -hour],
    ['a millisecond earlier', -1],
    ['an hour later', hour],
  ] as const)('%s keeps its last reminder', async ([, by]) => {
    await using clinic = await booked([2])
    await clinic.clock.advanceTo(startPlus(-3 * hour))
    move(clinic, startPlus(by))
    await clinic.clock.advanceTo(startPlus(by + hour))
    expect(reminders(clinic)).toHaveLength(1)
    expect(await sent(clinic)).toEqual([by < 0 ? `2h ${120 + by / minute}` : '2h 120'])
  })

  it.for([
    ['an hour earlier', -hour],
    ['a millisecond earlier', -1],
    ['an hour later', hour],
  ] as const)('%s keeps its reminders, found by reconciliation', async ([, by]) => {
    await using clinic = await booked()
    await clinic.clock.advanceTo(startPlus(-24 * hour - minute))
    move(clinic, startPlus(by))
    if (by === -1) await clinic.clock.advance(minute - 1)
    expect(await clinic.reconcile()).toMatchObject({ moved: 1 })
    await clinic.clock.advanceTo(startPlus(by + hour))
    expect(reminders(clinic)).toHaveLength(2)
    expect((await sent(clinic))[1]).toBe('2h 120')
  })

  it('to so soon that all its reminders are past gets one at once, the nearest', async () => {
    await using clinic = await booked()
    move(clinic, startPlus(hour, new Date(now)))
    await clinic.reconcile()
    await clinic.clock.advance(2 * hour)
    expect(reminders(clinic)).toHaveLength(1)
    expect(await sent(clinic)).toEqual(['2h 60'])
    const lines = await clinic.notifications.explain(1)
    expect(lines.map(({ rule }) => rule)).toContain('sent_late_after_move')
  })

  it('there and back, with a look in between, is reminded once of each', async () => {
    await using clinic = await booked()
    await clinic.clock.advanceTo(startPlus(-24 * hour - minute))
    move(clinic, startPlus(hour))
    await clinic.clock.advance(2 * minute)
    move(clinic, start)
    await clinic.clock.advanceTo(startPlus(hour))
    expect(await sent(clinic)).toEqual(['24h 1380', '2h 120'])
    expect(reminders(clinic)).toHaveLength(2)
  })

  it('there and back after its reminder was sent is not reminded of it again', async () => {
    await using clinic = await booked()
    await clinic.clock.advanceTo(startPlus(-24 * hour + minute))
    move(clinic, startPlus(-1))
    await clinic.reconcile()
    move(clinic, start)
    await clinic.reconcile()
    await clinic.clock.advanceTo(startPlus(hour))
    expect(reminders(clinic)).toHaveLength(2)
  })

  it('while its reminder is tried again keeps it', async () => {
    let isDown = true
    const transport = capture({
      fail: () => (isDown ? new TransportError('Not now.', { outcome: 'transient', code: 'smtp_451' }) : null),
    })
    await using clinic = await openClinic(now, { transports: [transport] })
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advanceTo(startPlus(-24 * hour + 5 * minute))
    move(clinic, startPlus(-hour))
    isDown = false
    await clinic.clock.advance(hour)
    expect(transport.sent).toHaveLength(1)
    expect(transport.sent[0]?.text).toContain('10:00')
  })

  it('to the time of day of another zone keeps its reminder of the evening before', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, timeZone: 'Europe/Berlin', recipients: [byMail] })
    await clinic.notifications.scheduleReminders(1, { customReminders: ['1d@18:00'] })
    await clinic.start()
    clinic.host.change(1, { timeZone: 'America/New_York' })
    await clinic.clock.advanceTo('2026-03-19T21:59:00Z')
    expect(reminders(clinic)).toHaveLength(0)
    await clinic.clock.advanceTo('2026-03-19T22:01:00Z')
    expect(reminders(clinic)).toHaveLength(1)
  })

  it('keeps its reminders when a change of preferences finds it', async () => {
    await using clinic = await booked([24])
    await clinic.clock.advanceTo(startPlus(-24 * hour - minute))
    move(clinic, startPlus(-hour))
    await clinic.settings.createPreferences({ type: 'PATIENT', id: ada.id }, { smsEnabled: false })
    await clinic.clock.advance(1000)
    expect(reminders(clinic)).toHaveLength(1)
    const reasons = (await clinic.notifications.getReminders(1)).map(({ reason }) => reason)
    expect(reasons).toContain('appointment_moved')
  })
})
