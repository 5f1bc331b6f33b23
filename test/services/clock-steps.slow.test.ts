/** A clock that is set while the library works: on SQLite, where no other clock says what time it is. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { HostData, openClinic } from '../support/clinic.ts'
import { MachineClock, ManualClock } from '../support/manual-clock.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const start = new Date('2026-03-20T15:00:00Z')
const now = '2026-03-10T12:00:00Z'
const steps = [120 * second, 8 * hour, 48 * hour, -hour]
const options = { sweepMs: 30 * second, reconcileMs: hour } as const

async function file(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'clock-steps-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'rows.sqlite')
}

async function openAt(path: string, host: HostData, clock: ManualClock) {
  const clinic = await openClinic(now, { ...options, storage: sqlite(path), directory: host, clock })
  onTestFinished(() => clinic[Symbol.asyncDispose]())
  return clinic
}

describe('reconciliation and other background jobs', () => {
  const asks = (host: HostData) => {
    let count = 0
    const answer = host.upcoming.bind(host)
    host.upcoming = (cursor) => {
      if (cursor === null) count += 1
      return answer(cursor)
    }
    return () => count
  }

  it.each(steps)('run as before where the clock was set by %i ms once, and is right again', async (ms) => {
    const [path, host, clock] = [await file(), new HostData(), new ManualClock(now)]
    const counted = asks(host)
    const clinic = await openAt(path, host, clock)
    await clinic.start()
    await clock.advance(10 * minute)
    clock.step(ms)
    await clock.advance(hour + minute)
    clock.step(-ms)
    const before = counted()
    expect(before).toBeGreaterThanOrEqual(2)
    await clock.advance(4 * hour)
    expect(counted() - before).toBeGreaterThanOrEqual(3)
    expect(counted() - before).toBeLessThanOrEqual(5)
  })

  it('run in another process too, although one with a clock two days ahead had the last turn', async () => {
    const [path, host] = [await file(), new HostData()]
    const counted = asks(host)
    const ahead = new ManualClock(now)
    ahead.step(48 * hour)
    const first = await openAt(path, host, ahead)
    await first.start()
    await ahead.advance(2 * hour)
    await first.stop()
    const before = counted()
    const clock = new ManualClock(now)
    const next = await openAt(path, host, clock)
    await next.start()
    await clock.advance(3 * hour + minute)
    expect(counted() - before).toBeGreaterThanOrEqual(3)
    expect(await next.reconcile()).toMatchObject({ status: 'done' })
  })
})

describe('waiting', () => {
  it.each(steps)(
    'goes on when its time has passed, although the clock was set by %i ms meanwhile: the directory',
    async (ms) => {
      const [path, host, clock] = [await file(), new HostData(), new ManualClock(now)]
      const clinic = await openAt(path, host, clock)
      host.book({ id: 1, startsAt: start })
      await clinic.notifications.scheduleReminders(1, { customReminders: ['10d'] })
      host.fault = new Error('away')
      await clinic.start()
      await clock.advanceTo('2026-03-10T15:00:05Z')
      clock.step(ms)
      host.fault = null
      await clock.advance(70 * second)
      // Set back, the reminder is due later by the clock of the day, which is all that says when it is due.
      if (ms < 0) await clock.advance(-ms)
      expect(clinic.outbox.sent).toHaveLength(2)
    },
  )

  it.each(steps)('finds what a clock set by %i ms makes due, within a sweep', async (ms) => {
    const [path, host, clock] = [await file(), new HostData(), new ManualClock(now)]
    const clinic = await openAt(path, host, clock)
    host.book({ id: 1, startsAt: new Date(clock.now().getTime() + 24 * hour + Math.abs(ms) + 49 * hour) })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.start()
    await clock.advance(minute)
    const dueInMs = Math.abs(ms) + 49 * hour - minute
    clock.step(dueInMs)
    await clock.advance(options.sweepMs)
    expect(clinic.outbox.sent).toHaveLength(2)
  })
})

it('a clock that is two days ahead for half a minute sends nothing early, and withdraws nothing', async () => {
  const clock = new MachineClock(now)
  const clinic = await openClinic(now, { ...options, storage: sqlite(await file()), clock })
  onTestFinished(async () => {
    const stopped = clinic.stop()
    await clock.advance(12 * second)
    await stopped
  })
  const day = 24 * hour
  for (const [id, inMs] of [
    [1, 25 * hour],
    [2, 40 * hour],
    [3, 3 * day],
  ] as const) {
    clinic.host.book({ id, startsAt: new Date(clock.now().getTime() + inMs) })
  }
  await clinic.notifications.scheduleMany([1, 2, 3], { customReminders: [24] })
  await clinic.start()
  await clock.advance(minute)
  clock.step(2 * day)
  await clock.advance(40 * second)
  clock.step(-2 * day)
  await clock.advance(10 * minute)
  const statuses = await Promise.all(
    [1, 2, 3].map(async (id) => (await clinic.notifications.getReminders(id))[0]?.status),
  )
  expect(statuses).toEqual(['PENDING', 'PENDING', 'PENDING'])
  expect(clinic.outbox.sent).toEqual([])
  await clock.advance(hour)
  expect(clinic.outbox.sent).toHaveLength(2)
})
