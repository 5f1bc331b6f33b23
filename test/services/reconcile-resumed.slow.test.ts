import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { EntityId, NotificationsOptions } from '../../src/index.ts'
import type { Store } from '../../src/records/store.ts'
import { newProgress, writeProgress } from '../../src/services/planning/reconcile-progress.ts'
import { ada, HostData, openClinic } from '../support/clinic.ts'
import { turns } from '../support/manual-clock.ts'
import { openDatabase } from '../support/postgres-server.ts'
import { postgres, sqlite } from '../support/stores.ts'

const now = '2026-03-18T12:00:00Z'
const start = new Date('2026-03-20T15:00:00Z')
const later = new Date('2026-03-22T15:00:00Z')
const minute = 60_000
/** How far a run is is written down after each page of 500; a step is 50 appointments. */
const count = 1100

const bookings = () => {
  const host = new HostData()
  host.upcomingPage = 500
  for (let id = 1; id <= count; id += 1) host.book({ id, startsAt: start, recipients: [{ ...ada, phone: null }] })
  return host
}

/** A database with all of them planned. */
async function plan(storage: Store): Promise<void> {
  await using clinic = await openClinic(now, { storage, directory: bookings() })
  await clinic.notifications.scheduleMany(Array.from({ length: count }, (_, index) => index + 1))
}

/** Plans of a bulk are not made in the order of their ids everywhere. */
async function inOrder(storage: Store): Promise<EntityId[]> {
  const { plans } = await storage.plans.upcoming(new Date(now), null, count)
  await storage.close()
  return plans.map(({ appointmentId }) => appointmentId)
}

/** A host and a database that workers share, and what the host is asked. */
async function openWatched(openStorage: () => Store) {
  const host = bookings()
  const open = async (options: Partial<NotificationsOptions> = {}) => {
    const clinic = await openClinic(now, { storage: openStorage(), directory: host, ...options })
    onTestFinished(() => clinic[Symbol.asyncDispose]())
    return clinic
  }
  const asked: EntityId[] = []
  const cursors: (string | null)[] = []
  /** What comes between a question and its answer. */
  const between = { appointments: async () => {}, upcoming: async () => {} }
  const { appointments: answer, upcoming } = host
  host.appointments = async (ids) => {
    asked.push(...ids)
    await between.appointments()
    return answer.call(host, ids)
  }
  host.upcoming = async (cursor) => {
    cursors.push(cursor)
    await between.upcoming()
    return upcoming.call(host, cursor)
  }
  return { host, open, clinic: await open(), asked, cursors, between }
}

const folder = mkdtempSync(join(tmpdir(), 'reconcile-'))
const planned = join(folder, 'planned.sqlite')
beforeAll(() => plan(sqlite(planned)))
afterAll(() => rmSync(folder, { recursive: true }))

/** A copy of it for a test alone. */
let copies = 0
function copied(): string {
  const path = join(folder, `${++copies}.sqlite`)
  copyFileSync(planned, path)
  return path
}
async function openCopy() {
  const path = copied()
  return { path, ...(await openWatched(() => sqlite(path))) }
}

const down = async () => {
  throw new Error('host is down')
}
const nothing = { planned: 0, moved: 0, cancelled: 0, replanned: 0, unreadable: 0, failed: 0, gone: 0 }

/** One run stops, and another worker stands still for ever: what was checked is not asked for again. */
async function goesOn(openStorage: () => Store): Promise<void> {
  const { host, clinic, open, asked, between } = await openWatched(openStorage)
  const ids = await inOrder(openStorage())
  const moved = [ids[2], ids[699], ids[1089]].filter((id) => id !== undefined)
  for (const id of moved) host.change(id, { startsAt: later })
  between.appointments = async () => {
    if (asked.length > 800) await down()
  }
  const stopped = await clinic.reconcile()
  expect(stopped).toMatchObject({ ...nothing, status: 'stopped', checked: 800, moved: 2, resumed: false })
  asked.length = 0
  between.appointments = async () => {
    if (asked.length > 520) await new Promise((resolve) => onTestFinished(() => resolve(null)))
  }
  void clinic.reconcile()
  await expect.poll(() => asked.length).toBeGreaterThan(520)
  asked.length = 0
  between.appointments = async () => {}
  const other = await open()
  expect(await other.reconcile()).toMatchObject({ status: 'busy', startedAt: null, checked: 0 })
  other.clock.jump('2026-03-18T12:05:00Z')
  const report = await other.reconcile()
  expect(report).toMatchObject({ ...nothing, status: 'done', checked: count, moved: 2, unchanged: count - 2 })
  expect(report).toMatchObject({ resumed: true, startedAt: new Date(now), examples: { moved: [moved[0], moved[2]] } })
  expect(asked).toHaveLength(100)
  expect(await other.reconcile()).toMatchObject({ ...nothing, resumed: false, checked: count, unchanged: count })
}

describe('a run that stopped', () => {
  it('goes on from the last page that was kept, also by another worker', async () => {
    const path = copied()
    await goesOn(() => sqlite(path))
  })

  it('does so on Postgres', async () => {
    const { url } = await openDatabase()
    await plan(postgres({ url }))
    await goesOn(() => postgres({ url }))
  })

  it('goes on in the list of the host', async () => {
    const { host, clinic, asked, cursors, between } = await openCopy()
    host.book({ id: count + 1, startsAt: start })
    between.upcoming = async () => {
      if (cursors.length > 1) await down()
    }
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, status: 'stopped', checked: count, planned: 0 })
    cursors.length = 0
    asked.length = 0
    between.upcoming = async () => {}
    const report = await clinic.reconcile()
    expect(report).toMatchObject({ ...nothing, status: 'done', checked: count + 1, planned: 1, resumed: true })
    expect(cursors).toEqual(['500', '1000'])
    expect(asked).toEqual([count + 1])
  })

  it('goes on among what is gone, and looks once more for all that it missed', async () => {
    const { host, clinic, open, asked, between } = await openCopy()
    for (let id = 1; id <= 120; id += 1) host.appointmentRows.delete(id)
    between.appointments = async () => {
      if (asked.length > count) void clinic.stop()
    }
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, status: 'stopped', gone: 120, missing: 50 })
    asked.length = 0
    between.appointments = async () => {}
    const other = await open()
    await other.start()
    expect(await other.reconcile()).toMatchObject({
      ...nothing,
      status: 'done',
      gone: 120,
      missing: 120,
      resumed: true,
    })
    expect(asked).toHaveLength(70)
    await other.clock.advance(5 * minute)
    await expect
      .poll(async () => (await other.notifications.getReminders(1)).map(({ status }) => status))
      .toEqual(['CANCELLED', 'CANCELLED'])
    expect((await other.notifications.getReminders(120)).map(({ status }) => status)).not.toContain('PENDING')
  })

  it('begins anew where it is told to, where it was long ago, and where what was kept makes no sense', async () => {
    const { path, clinic, asked, between } = await openCopy()
    const stop = async () => {
      asked.length = 0
      between.appointments = async () => {
        if (asked.length > 600) await down()
      }
      expect(await clinic.reconcile({ restart: true })).toMatchObject({ status: 'stopped', checked: 600 })
      between.appointments = async () => {}
    }
    await stop()
    expect(await clinic.reconcile({ restart: true })).toMatchObject({ resumed: false, checked: count })
    await stop()
    await clinic.clock.advance(61 * minute)
    expect(await clinic.reconcile()).toMatchObject({ resumed: false, checked: count })
    await stop()
    const database = new Database(path)
    database.exec(`update notification_jobs set progress = '{"phase":"later"}'`)
    database.close()
    expect(await clinic.reconcile()).toMatchObject({ resumed: false, checked: count })
    await stop()
    expect((await clinic.afterRestore(new Date(now))).reconciliation).toMatchObject({ resumed: false, checked: count })
  })

  it('goes on by itself, with the next attempt of the background job', async () => {
    const { open, asked, between } = await openCopy()
    between.appointments = async () => {
      if (asked.length > 600) await down()
    }
    const worker = await open({ reconcileMs: 120 * minute })
    await worker.start()
    await worker.clock.advance(minute)
    await expect.poll(() => asked.length).toBeGreaterThan(600)
    between.appointments = async () => {}
    await turns(100)
    asked.length = 0
    await worker.clock.advance(15 * minute)
    await expect.poll(() => asked.length).toBe(600)
  })
})

it('is gone on with by a worker that found it busy, where its worker died', async () => {
  const { clinic, open, asked, between } = await openCopy()
  between.appointments = async () => {
    if (asked.length > 600) await new Promise((resolve) => onTestFinished(() => resolve(null)))
  }
  void clinic.reconcile()
  await expect.poll(() => asked.length).toBeGreaterThan(600)
  asked.length = 0
  between.appointments = async () => {}
  const other = await open({ reconcileMs: 360 * minute })
  await other.start()
  await other.clock.advance(4 * minute)
  expect(asked).toEqual([])
  await other.clock.advance(3 * minute)
  await expect.poll(() => asked.length).toBe(600)
  await other.clock.advance(30 * minute)
  await turns(100)
  expect(asked).toHaveLength(600)
})

it('keeps nothing more of a run where more is gone than a row should hold', () => {
  const progress = newProgress(new Date(now), false)
  for (let id = 1; id <= 10_000; id += 1) progress.gone.push(id)
  expect(writeProgress(progress, new Date(now))?.length).toBeLessThan(100_000)
  progress.missing.push(10_001)
  expect(writeProgress(progress, new Date(now))).toBeNull()
})
