import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import type { EntityId, NotificationsOptions } from '../../src/index.ts'
import { ada, HostData, openClinic } from '../support/clinic.ts'
import { turns } from '../support/manual-clock.ts'

const now = '2026-03-18T12:00:00Z'
const start = new Date('2026-03-20T15:00:00Z')
const later = new Date('2026-03-22T15:00:00Z')
const minute = 60_000
/** How far a run is is written down after each thousand, at the end of a page of 500; a step is 50 appointments. */
const count = 2600

/** A host and a database that workers share, with appointments 1 to `appointments` planned, and what the host is asked. */
async function openWatched(appointments = count) {
  const folder = await mkdtemp(join(tmpdir(), 'reconcile-'))
  const path = join(folder, 'rows.sqlite')
  const host = new HostData()
  host.upcomingPage = 1000
  const open = async (options: Partial<NotificationsOptions> = {}) => {
    const clinic = await openClinic(now, { storage: sqlite(path), directory: host, ...options })
    onTestFinished(() => clinic[Symbol.asyncDispose]())
    return clinic
  }
  onTestFinished(() => rm(folder, { recursive: true }))
  for (let id = 1; id <= appointments; id += 1) {
    host.book({ id, startsAt: start, recipients: [{ ...ada, phone: null }] })
  }
  const clinic = await open()
  await clinic.notifications.scheduleMany(Array.from({ length: appointments }, (_, index) => index + 1))

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
  return { host, path, open, clinic, asked, cursors, between }
}

const down = async () => {
  throw new Error('host is down')
}
const nothing = { planned: 0, moved: 0, cancelled: 0, replanned: 0, unreadable: 0, failed: 0, gone: 0 }

describe('a run that stopped', () => {
  it('goes on from the last page that was kept, with the numbers of the whole run', async () => {
    const { host, clinic, asked, between } = await openWatched()
    for (const id of [3, 1700, 2550]) host.change(id, { startsAt: later })
    between.appointments = async () => {
      if (asked.length > 2200) await down()
    }
    const stopped = await clinic.reconcile()
    expect(stopped).toMatchObject({ ...nothing, status: 'stopped', checked: 2200, moved: 2, resumed: false })
    asked.length = 0
    between.appointments = async () => {}
    clinic.clock.jump('2026-03-18T12:59:00Z')
    const report = await clinic.reconcile()
    expect(report).toMatchObject({ ...nothing, status: 'done', checked: count, moved: 3, unchanged: count - 3 })
    expect(report).toMatchObject({ resumed: true, startedAt: new Date(now), examples: { moved: [3, 1700, 2550] } })
    expect(asked).toHaveLength(600)
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, resumed: false, checked: count, unchanged: count })
  })

  it('goes on in the list of the host', async () => {
    const { host, clinic, asked, cursors, between } = await openWatched()
    host.book({ id: 2601, startsAt: start })
    between.upcoming = async () => {
      if (cursors.length > 1) await down()
    }
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, status: 'stopped', checked: count, planned: 0 })
    cursors.length = 0
    asked.length = 0
    between.upcoming = async () => {}
    const report = await clinic.reconcile()
    expect(report).toMatchObject({ ...nothing, status: 'done', checked: count + 1, planned: 1, resumed: true })
    expect(cursors).toEqual(['1000', '2000'])
    expect(asked).toEqual([2601])
  })

  it('still cancels what was found to be gone before, and goes on among that', async () => {
    const { host, clinic, asked, between } = await openWatched()
    for (let id = 1; id <= 120; id += 1) host.appointmentRows.delete(id)
    between.appointments = async () => {
      if (asked.length > count + 50) await down()
    }
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, status: 'stopped', gone: 120, cancelled: 50 })
    asked.length = 0
    between.appointments = async () => {}
    const report = await clinic.reconcile()
    expect(report).toMatchObject({ ...nothing, status: 'done', checked: count, gone: 120, cancelled: 120 })
    expect(asked).toHaveLength(70)
  })

  it('begins anew where it is told to, where it was long ago, and where what was kept makes no sense', async () => {
    const { path, clinic, asked, between } = await openWatched()
    const stop = async () => {
      asked.length = 0
      between.appointments = async () => {
        if (asked.length > 2200) await down()
      }
      expect(await clinic.reconcile({ restart: true })).toMatchObject({ status: 'stopped', checked: 2200 })
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
  })

  it('goes on by itself, with the next attempt of the background job', async () => {
    const { host, open, asked, between } = await openWatched()
    host.change(2550, { startsAt: later })
    const worker = await open({ reconcileMs: 120 * minute })
    between.appointments = async () => {
      if (asked.length > 2200) await down()
    }
    await worker.start()
    await worker.clock.advance(minute)
    await turns(300)
    between.appointments = async () => {}
    asked.length = 0
    await worker.clock.advance(15 * minute)
    await turns(300)
    expect(asked).toHaveLength(600)
  })
})

describe('a run whose worker died', () => {
  /** One worker stands still after 2,200 appointments, and never comes back. */
  async function openHalted(options: Partial<NotificationsOptions> = {}) {
    const world = await openWatched()
    world.between.appointments = async () => {
      if (world.asked.length > 2200) await new Promise((resolve) => onTestFinished(() => resolve(null)))
    }
    void world.clinic.reconcile()
    await turns(300)
    expect(world.asked.length).toBeGreaterThan(2200)
    world.asked.length = 0
    world.between.appointments = async () => {}
    return { ...world, other: await world.open(options) }
  }

  it('is gone on with by another one, once its lease is over', async () => {
    const { other, asked } = await openHalted()
    expect(await other.reconcile()).toMatchObject({ status: 'busy', startedAt: null, checked: 0 })
    other.clock.jump('2026-03-18T12:05:00Z')
    const report = await other.reconcile()
    expect(report).toMatchObject({ ...nothing, status: 'done', resumed: true, checked: count, unchanged: count })
    expect(asked).toHaveLength(600)
  })

  it('is gone on with by a worker that was started meanwhile and found it busy', async () => {
    const { other, asked } = await openHalted({ reconcileMs: 360 * minute })
    await other.start()
    await other.clock.advance(4 * minute)
    expect(asked).toEqual([])
    await other.clock.advance(3 * minute)
    await turns(300)
    expect(asked).toHaveLength(600)
    await other.clock.advance(30 * minute)
    await turns(300)
    expect(asked).toHaveLength(600)
  })
})

it('keeps little of a run that finds more gone than it can remember, and finds them again', async () => {
  const { host, path, clinic, between } = await openWatched(11_000)
  host.appointmentRows.clear()
  between.upcoming = down
  expect(await clinic.reconcile({ force: true })).toMatchObject({ status: 'stopped', gone: 11_000, cancelled: 0 })
  const database = new Database(path, { readonly: true })
  const kept = database.prepare<[], string>(`select progress from notification_jobs where name = 'reconcile'`).pluck()
  expect(kept.get()?.length).toBeLessThan(100_000)
  database.close()
  between.upcoming = async () => {}
  const report = await clinic.reconcile({ force: true })
  expect(report).toMatchObject({ ...nothing, status: 'done', checked: 11_000, gone: 11_000, cancelled: 11_000 })
}, 60_000)
