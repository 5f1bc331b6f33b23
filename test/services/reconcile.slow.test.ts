import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import type { Directory, EntityId, NotificationsOptions, Reminder } from '../../src/index.ts'
import { ada, HostData, openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'
import { turns } from '../support/manual-clock.ts'
import { sqlite } from '../support/stores.ts'

const now = '2026-03-18T12:00:00Z'
const start = new Date('2026-03-20T15:00:00Z')
const later = new Date('2026-03-22T15:00:00Z')
const byMail = { ...ada, phone: null }
const hour = 3_600_000

/** A clinic whose rows a test can look at, and change behind the library's back. */
async function openWatched(options: Partial<NotificationsOptions> = {}) {
  const database = new Database(':memory:')
  const clinic = await openClinic(now, { storage: sqlite({ database }), ...options })
  const all = (table: string) => database.prepare(`select * from ${table} order by 1, 2`).all()
  return {
    ...clinic,
    database,
    /** Every row that a reconciliation could write. */
    rows: () => JSON.stringify(['reminder_plans', 'appointment_reminders', 'notification_decisions'].map(all)),
    decisionsOf: (id: EntityId) => clinic.notifications.explain(id).then((lines) => lines.map(ruleOf)),
    [Symbol.asyncDispose]: async () => {
      await clinic.stop()
      database.close()
    },
  }
}

const ruleOf = ({ action, rule }: { action: string; rule: string | null }) => `${action} ${rule}`
const pending = (reminders: readonly Reminder[]) =>
  reminders.filter(({ status }) => status === 'PENDING').map(({ reminderTime }) => reminderTime.toISOString())
const reason = (reminders: readonly Reminder[]) =>
  reminders.filter(({ status }) => status === 'CANCELLED').map((row) => row.reason)

/** Appointments 1 to `count`, booked and planned. */
async function planned(clinic: Awaited<ReturnType<typeof openWatched>>, count: number, change = {}) {
  for (let id = 1; id <= count; id += 1) clinic.host.book({ id, startsAt: start, recipients: [byMail], ...change })
  await clinic.notifications.scheduleMany(Array.from({ length: count }, (_, index) => index + 1))
}

const nothing = { planned: 0, moved: 0, cancelled: 0, replanned: 0, unreadable: 0, failed: 0, gone: 0 }

describe('what reconciliation finds and mends', () => {
  it('a dry run finds the same, and writes nothing', async () => {
    await using clinic = await openWatched()
    await planned(clinic, 5)
    clinic.host.book({ id: 6, startsAt: start, recipients: [byMail] })
    clinic.host.change(1, { startsAt: later })
    clinic.host.change(2, { status: 'cancelled' })
    clinic.host.change(3, { organizationId: otherOrganizationId })
    clinic.host.appointmentRows.delete(4)
    const before = clinic.rows()
    const progress: number[] = []
    const looked = await clinic.reconcile({ dryRun: true, onProgress: (checked) => progress.push(checked) })
    expect(looked).toMatchObject({
      status: 'done',
      checked: 6,
      planned: 2,
      moved: 1,
      cancelled: 1,
      missing: 1,
      unchanged: 1,
    })
    expect(progress).toEqual([...progress].sort((one, other) => one - other))
    expect(progress.at(-1)).toBe(6)
    expect(clinic.rows()).toBe(before)
    const { startedAt: _, ...report } = await clinic.reconcile()
    expect(looked).toMatchObject(report)
  })

  it('a booking whose call was lost: planned, told by nobody', async () => {
    await using clinic = await openWatched()
    await planned(clinic, 4)
    clinic.host.book({ id: 5, startsAt: start, recipients: [byMail] })
    const report = await clinic.reconcile()
    expect(report).toMatchObject({ ...nothing, status: 'done', code: null, checked: 5, planned: 1, unchanged: 4 })
    expect(report).toMatchObject({ upcomingSkipped: false, examples: { planned: [5] } })
    expect(pending(await clinic.notifications.getReminders(5))).toEqual([
      '2026-03-19T15:00:00.000Z',
      '2026-03-20T13:00:00.000Z',
    ])
    expect(await clinic.decisionsOf(5)).toEqual([
      'planned reconciled',
      'planned due_by_offset',
      'planned due_by_offset',
      'skipped no_contact',
    ])
    expect((await clinic.notifications.history({ state: 'queued' })).notifications).toEqual([])
    await clinic.start()
    await clinic.clock.advanceTo(start)
    expect(clinic.outbox.sent.map(({ category }) => category)).toEqual(Array(10).fill('REMINDER'))
  })

  it('plans nothing for what is off, over or of yesterday', async () => {
    await using clinic = await openWatched()
    clinic.host.book({ id: 1, startsAt: start, status: 'completed' })
    clinic.host.book({ id: 2, startsAt: new Date('2026-03-18T11:00:00Z') })
    const before = clinic.rows()
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, status: 'done', checked: 2, unchanged: 2 })
    expect(clinic.rows()).toBe(before)
  })

  it('cancelled behind the back', async () => {
    await using clinic = await openWatched()
    await planned(clinic, 2)
    clinic.host.change(2, { status: 'cancelled' })
    expect(await clinic.reconcile()).toMatchObject({
      ...nothing,
      cancelled: 1,
      unchanged: 1,
      examples: { cancelled: [2] },
    })
    expect(reason(await clinic.notifications.getReminders(2))).toEqual(Array(2).fill('appointment_cancelled'))
    expect((await clinic.decisionsOf(2)).slice(-3)).toEqual([
      'cancelled reconciled',
      ...Array(2).fill('cancelled appointment_cancelled'),
    ])
    const events = clinic.told.filter(({ name }) => name === 'reminder.cancelled')
    expect(events).toMatchObject([{ event: { rule: 'appointment_cancelled' } }, { event: { appointmentId: 2 } }])
  })

  it('moved, also where the directory has no upcoming', async () => {
    const host = new HostData()
    const { appointments, organizations } = host
    const directory: Directory = { appointments: appointments.bind(host), organizations: organizations.bind(host) }
    await using clinic = await openWatched({ directory })
    for (const id of [1, 2]) host.book({ id, startsAt: start, recipients: [byMail] })
    await clinic.notifications.scheduleMany([1, 2], { customReminders: [3] })
    host.change(1, { startsAt: later })
    host.book({ id: 3, startsAt: start })
    const report = await clinic.reconcile()
    expect(report).toMatchObject({ ...nothing, checked: 2, moved: 1, unchanged: 1, upcomingSkipped: true })
    expect(pending(await clinic.notifications.getReminders(1))).toEqual(['2026-03-22T12:00:00.000Z'])
    expect(await clinic.decisionsOf(1)).toContain('moved appointment_moved')
  })

  it('deleted: cancelled, and planned again with its own offsets should it come back', async () => {
    await using clinic = await openWatched()
    await planned(clinic, 3)
    await clinic.notifications.scheduleReminders(3, { customReminders: [5] })
    const row = clinic.host.appointmentRows.get(3)
    clinic.host.appointmentRows.delete(3)
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, checked: 3, gone: 1, missing: 1, unchanged: 2 })
    expect(pending(await clinic.notifications.getReminders(3))).toHaveLength(1)
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, gone: 1, missing: 1 })
    await clinic.clock.advance(5 * 60_000)
    const report = await clinic.reconcile()
    expect(report).toMatchObject({ ...nothing, status: 'done', checked: 3, cancelled: 1, gone: 1, unchanged: 2 })
    expect(report.examples).toMatchObject({ gone: [3], cancelled: [3] })
    expect((await clinic.decisionsOf(3)).slice(-2)).toEqual(['cancelled reconciled', 'cancelled appointment_gone'])
    if (row !== undefined) clinic.host.appointmentRows.set(3, row)
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, replanned: 1, unchanged: 2 })
    expect(pending(await clinic.notifications.getReminders(3))).toEqual(['2026-03-20T10:00:00.000Z'])
  })

  it('a recipient more, and one less', async () => {
    await using clinic = await openWatched()
    await planned(clinic, 1)
    const client = { type: 'CLIENT', id: 30, email: 'mother@example.org' } as const
    clinic.host.change(1, { recipients: [byMail, client] })
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, replanned: 1 })
    expect(pending(await clinic.notifications.getReminders(1))).toHaveLength(4)
    clinic.host.change(1, { recipients: [client] })
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, replanned: 1 })
    expect(pending(await clinic.notifications.getReminders(1))).toHaveLength(2)
  })

  it('who takes part told in another order is no change', async () => {
    await using clinic = await openWatched()
    const client = { type: 'CLIENT', id: 30, email: 'mother@example.org' } as const
    await planned(clinic, 1, { recipients: [byMail, client] })
    const before = clinic.rows()
    clinic.host.change(1, { recipients: [client, byMail] })
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, unchanged: 1 })
    expect(clinic.rows()).toBe(before)
  })

  it('another organization has it now', async () => {
    await using clinic = await openWatched()
    await planned(clinic, 1)
    clinic.host.change(1, { organizationId: otherOrganizationId })
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, planned: 1 })
    const { reminders } = await clinic.notifications.scheduleReminders(1)
    expect(reminders.map((row) => row.organizationId)).toEqual([otherOrganizationId, otherOrganizationId])
  })

  it('what the host cancelled by request stays cancelled', async () => {
    await using clinic = await openWatched()
    await planned(clinic, 1)
    await clinic.notifications.cancelReminders(1)
    const before = clinic.rows()
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, checked: 1, unchanged: 1 })
    expect(clinic.rows()).toBe(before)
  })
})

describe('what changed around the plans', () => {
  it('pain 7: time zone data: the same local time is another instant, and the reminders follow', async () => {
    await using clinic = await openWatched()
    await planned(clinic, 2, { startsAt: '2026-03-20T11:00', timeZone: 'America/New_York' })
    // As it was planned with data of a time when the clocks stood an hour otherwise.
    clinic.database.exec(`
      update reminder_plans set starts_at = starts_at - ${hour}, tz_version = '2019a' where appointment_id = 2;
      update appointment_reminders set starts_at = starts_at - ${hour}, reminder_time = reminder_time - ${hour},
        due_at = due_at - ${hour} where appointment_id = 2;`)
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, moved: 1, unchanged: 1, examples: { moved: [2] } })
    expect(pending(await clinic.notifications.getReminders(2))).toEqual(
      pending(await clinic.notifications.getReminders(1)),
    )
    expect(await clinic.decisionsOf(2)).toContain('moved zone_data_changed')
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, unchanged: 2 })
  })

  it('pain 7: time zone data: a wall-clock offset takes its new instant although the start keeps its own', async () => {
    await using clinic = await openWatched()
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.notifications.scheduleReminders(1, { customReminders: ['1d@18:00'] })
    const right = pending(await clinic.notifications.getReminders(1))
    const wrong = `reminder_time = reminder_time + ${hour}, due_at = due_at + ${hour}`
    clinic.database.exec(`update appointment_reminders set ${wrong}; update reminder_plans set tz_version = '2019a'`)
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, replanned: 1 })
    expect(pending(await clinic.notifications.getReminders(1))).toEqual(right)
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, unchanged: 1 })
  })

  it('other time zone data that changes nothing is no reason to write', async () => {
    await using clinic = await openWatched()
    await planned(clinic, 2)
    clinic.database.exec(`update reminder_plans set tz_version = '2019a'`)
    const before = clinic.rows()
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, unchanged: 2 })
    expect(clinic.rows()).toBe(before)
  })

  it('a reminder that is to go out late, by policy, keeps its time', async () => {
    await using clinic = await openWatched()
    await clinic.settings.createOrganizationSettings(organizationId, { pastReminders: 'send_now' })
    clinic.host.book({ id: 1, startsAt: new Date('2026-03-18T13:00:00Z'), recipients: [byMail] })
    await clinic.notifications.scheduleReminders(1)
    const before = clinic.rows()
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, unchanged: 1 })
    expect(clinic.rows()).toBe(before)
  })

  it('a provider that is there since a restart: what it could not send before is planned, what was skipped is told once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'reconcile-'))
    const path = join(folder, 'rows.sqlite')
    const host = new HostData()
    host.book({ id: 1, startsAt: start })
    {
      await using without = await openClinic(now, { storage: sqlite(path), directory: host, transports: [] })
      const { reminders } = await without.notifications.scheduleReminders(1)
      expect(reminders).toEqual([])
      await without.reconcile()
      expect((await without.notifications.explain(1)).map(ruleOf)).toEqual(Array(2).fill('skipped no_transport'))
    }
    {
      await using with_ = await openClinic(now, { storage: sqlite(path), directory: host })
      expect(await with_.reconcile()).toMatchObject({ ...nothing, replanned: 1 })
      expect(pending(await with_.notifications.getReminders(1))).toHaveLength(4)
    }
    // A worker that was started without its credentials must not take back what others planned.
    await using again = await openClinic(now, { storage: sqlite(path), directory: host, transports: [] })
    expect(await again.reconcile()).toMatchObject({ ...nothing, unchanged: 1 })
    expect(pending(await again.notifications.getReminders(1))).toHaveLength(4)
    await rm(folder, { recursive: true })
  })
})

describe('what reconciliation leaves alone', () => {
  it('everything, the second time', async () => {
    await using clinic = await openWatched()
    await planned(clinic, 8)
    clinic.host.change(1, { startsAt: later })
    clinic.host.change(2, { status: 'cancelled' })
    clinic.host.change(3, { recipients: [ada] })
    clinic.host.appointmentRows.delete(4)
    clinic.host.book({ id: 9, startsAt: start })
    const first = await clinic.reconcile()
    expect(first).toMatchObject({ planned: 1, moved: 1, cancelled: 1, missing: 1, replanned: 1, gone: 1, unchanged: 4 })
    await clinic.clock.advance(5 * 60_000)
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, cancelled: 1, gone: 1, unchanged: 7 })
    const before = clinic.rows()
    const told = clinic.told.length
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, status: 'done', checked: 7, unchanged: 7 })
    expect(clinic.rows()).toBe(before)
    expect(clinic.told).toHaveLength(told)
  })

  it('what the directory describes in a way that cannot be used', async () => {
    await using clinic = await openWatched()
    await planned(clinic, 3)
    clinic.host.change(2, { timeZone: 'Moon/Base' })
    const { upcoming } = clinic.host
    clinic.host.upcoming = async (cursor) => {
      const page = await upcoming.call(clinic.host, cursor)
      return { ...page, ids: [...page.ids, 'three'] }
    }
    const report = await clinic.reconcile()
    expect(report).toMatchObject({ ...nothing, status: 'done', checked: 4, unreadable: 2, unchanged: 2 })
    expect(report.examples.unreadable).toEqual([2])
    expect(pending(await clinic.notifications.getReminders(2))).toHaveLength(2)
  })

  it('what the directory lists and does not know: gone where there is a plan, else nothing', async () => {
    await using clinic = await openWatched()
    await planned(clinic, 3)
    clinic.host.appointmentRows.delete(2)
    clinic.host.upcoming = async () => ({ ids: [1, 2, 3, 4], cursor: null })
    const report = await clinic.reconcile()
    expect(report).toMatchObject({ ...nothing, checked: 3, gone: 1, missing: 1, unchanged: 2 })
    expect(clinic.database.prepare('select count(*) as n from reminder_plans').get()).toEqual({ n: 3 })
  })

  it.each([
    // All plans are checked before the list is asked for.
    ['fails in its list', 'upcoming', { checked: 90, moved: 90 }],
    ['fails on the way', 'appointments', { checked: 50, moved: 50 }],
  ] as const)('the rest, where the host %s', async (_, method, found) => {
    await using clinic = await openWatched()
    await planned(clinic, 90)
    for (let id = 1; id <= 90; id += 1) clinic.host.change(id, { startsAt: later })
    let calls = 0
    const whole = clinic.host[method].bind(clinic.host)
    Object.assign(clinic.host, {
      [method]: (asked: never) => {
        calls += 1
        if (calls > 1) throw new Error('host is down')
        return whole(asked)
      },
    })
    expect(await clinic.reconcile()).toMatchObject({
      ...nothing,
      ...found,
      status: 'stopped',
      code: 'directory_failed',
    })
    Object.assign(clinic.host, { [method]: whole })
    const rest = { moved: 90 - found.moved, unchanged: found.moved }
    const again = await clinic.reconcile({ restart: true })
    expect(again).toMatchObject({ ...nothing, ...rest, status: 'done', checked: 90, resumed: false })
  })

  it('everything, where a list leads to itself or is none', async () => {
    await using clinic = await openWatched()
    await planned(clinic, 2)
    clinic.host.upcoming = async () => ({ ids: [1], cursor: 'again' })
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, status: 'stopped', code: 'directory_invalid' })
    Object.assign(clinic.host, { upcoming: () => [1, 2] })
    expect(await clinic.reconcile()).toMatchObject({
      ...nothing,
      status: 'stopped',
      code: 'directory_invalid',
      checked: 2,
    })
  })
})

describe('a directory that forgot too much', () => {
  const open = async (count: number) => {
    const clinic = await openWatched()
    await planned(clinic, count)
    return clinic
  }

  it('refuses to cancel all for an empty answer, and does when told to', async () => {
    await using clinic = await open(30)
    const rows = new Map(clinic.host.appointmentRows)
    clinic.host.appointmentRows.clear()
    const before = clinic.rows()
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, status: 'refused', checked: 30, gone: 30 })
    expect(clinic.rows()).toBe(before)
    expect(await clinic.reconcile({ force: true })).toMatchObject({ status: 'done', cancelled: 30, gone: 30 })
    for (const [id, row] of rows) clinic.host.appointmentRows.set(id, row)
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, status: 'done', replanned: 30 })
  })

  it('protects a small clinic too', async () => {
    await using clinic = await open(3)
    clinic.host.appointmentRows.clear()
    expect(await clinic.reconcile()).toMatchObject({ status: 'refused', gone: 3, cancelled: 0 })
  })

  it.each([
    [100, 19, undefined, 'done'],
    [100, 20, undefined, 'done'],
    [100, 21, undefined, 'refused'],
    [30, 19, undefined, 'done'],
    [30, 20, undefined, 'refused'],
    [30, 20, 0.7, 'done'],
    [1, 1, undefined, 'done'],
  ] as const)('of %i plans %i are gone, with the share %s: %s', async (plans, gone, maxGoneShare, status) => {
    await using clinic = await open(plans)
    for (let id = 1; id <= gone; id += 1) clinic.host.appointmentRows.delete(id)
    const options = maxGoneShare === undefined ? {} : { maxGoneShare }
    const done = status === 'done' ? gone : 0
    expect(await clinic.reconcile(options)).toMatchObject({ status, gone, missing: done, cancelled: 0 })
    await clinic.clock.advance(5 * 60_000)
    expect(await clinic.reconcile(options)).toMatchObject({ status, gone, missing: 0, cancelled: done })
  })

  it('cancels nothing for one answer: what is known again five minutes later is left as it is', async () => {
    await using clinic = await open(10)
    const row = clinic.host.appointmentRows.get(5)
    clinic.host.appointmentRows.delete(5)
    await clinic.reconcile()
    if (row !== undefined) clinic.host.appointmentRows.set(5, row)
    await clinic.clock.advance(5 * 60_000)
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, missing: 0, unchanged: 10 })
    expect(pending(await clinic.notifications.getReminders(5))).toHaveLength(2)
  })

  it('begins anew with what was known again in between', async () => {
    await using clinic = await open(10)
    await clinic.start()
    const row = clinic.host.appointmentRows.get(5)
    clinic.host.appointmentRows.delete(5)
    await clinic.reconcile()
    if (row !== undefined) clinic.host.appointmentRows.set(5, row)
    await clinic.clock.advance(5 * 60_000)
    expect((await clinic.decisionsOf(5)).slice(-2)).toEqual(['deferred appointment_gone', 'planned appointment_found'])
    clinic.host.appointmentRows.delete(5)
    await clinic.clock.advance(60 * 60_000)
    expect(await clinic.reconcile()).toMatchObject({ gone: 1, missing: 1, cancelled: 0 })
  })

  it('looks once more by itself, five minutes later, where it was started', async () => {
    await using clinic = await open(10)
    await clinic.start()
    clinic.host.appointmentRows.delete(5)
    expect(await clinic.reconcile()).toMatchObject({ gone: 1, missing: 1 })
    await clinic.clock.advance(5 * 60_000 - 1)
    expect(pending(await clinic.notifications.getReminders(5))).toHaveLength(2)
    await clinic.clock.advance(1)
    expect(reason(await clinic.notifications.getReminders(5))).toEqual(['appointment_gone', 'appointment_gone'])
  })

  it('asks again before it cancels', async () => {
    await using clinic = await open(10)
    const row = clinic.host.book({ id: 5, startsAt: start, recipients: [byMail] })
    clinic.host.appointmentRows.delete(5)
    const { appointments } = clinic.host
    clinic.host.appointments = async (ids) => {
      const answer = await appointments.call(clinic.host, ids)
      if (ids.includes(5)) clinic.host.appointmentRows.set(5, row)
      return answer
    }
    expect(await clinic.reconcile()).toMatchObject({ ...nothing, status: 'done', checked: 10, gone: 1, unchanged: 10 })
  })

  it('refuses options that make no sense', async () => {
    await using clinic = await open(1)
    await expect(clinic.reconcile({ maxGoneShare: 20 })).rejects.toMatchObject({
      code: 'invalid_input',
      field: 'maxGoneShare',
    })
  })
})

describe('who reconciles', () => {
  async function twoWorkers(
    work: (
      open: (options?: Partial<NotificationsOptions>) => ReturnType<typeof openClinic>,
      host: HostData,
    ) => Promise<void>,
  ) {
    const folder = await mkdtemp(join(tmpdir(), 'reconcile-'))
    const host = new HostData()
    for (let id = 1; id <= 9; id += 1) host.book({ id, startsAt: start })
    await work(
      (options) => openClinic(now, { storage: sqlite(join(folder, 'rows.sqlite')), directory: host, ...options }),
      host,
    )
    await rm(folder, { recursive: true })
  }

  it('one of two workers', () =>
    twoWorkers(async (open) => {
      await using one = await open()
      await using other = await open()
      const reports = await Promise.all([one.reconcile(), other.reconcile(), one.reconcile()])
      expect(reports.map(({ status }) => status).sort()).toEqual(['busy', 'busy', 'done'])
      expect(reports.map(({ planned }) => planned).sort()).toEqual([0, 0, 9])
      expect(await other.reconcile()).toMatchObject({ ...nothing, status: 'done', unchanged: 9 })
    }))

  it('another one, after the death of the first in the middle, which breaks nothing', () =>
    twoWorkers(async (open, host) => {
      await using one = await open()
      const { appointments } = host
      let release = () => {}
      const asleep = new Promise<void>((resolve) => {
        release = resolve
      })
      let calls = 0
      host.appointments = async (ids) => {
        calls += 1
        if (calls === 2) await asleep
        return appointments.call(host, ids)
      }
      const halted = one.reconcile()
      await turns(50)
      expect(calls).toBe(2)
      await using other = await open()
      expect(await other.reconcile()).toMatchObject({ status: 'busy', checked: 0 })
      for (const clinic of [one, other]) clinic.clock.jump('2026-03-18T12:05:00Z')
      // Both together: the first one had written down that it had planned three.
      expect(await other.reconcile()).toMatchObject({ ...nothing, status: 'done', planned: 9, resumed: true })
      release()
      expect(await halted).toMatchObject({ status: 'done', checked: 6, planned: 3 })
      expect(await other.reconcile()).toMatchObject({ ...nothing, unchanged: 9 })
    }))

  it('the library itself, soon after its start and every reconcileMs, in one worker at a time', () =>
    twoWorkers(async (open, host) => {
      await using one = await open({ reconcileMs: 2 * hour })
      await one.start()
      await one.clock.advance(60_000)
      expect(pending(await one.notifications.getReminders(9))).toHaveLength(4)
      host.book({ id: 10, startsAt: start })
      await one.clock.advance(hour)
      expect(await one.notifications.getReminders(10)).toEqual([])
      await one.clock.advance(hour)
      expect(await one.notifications.getReminders(10)).toHaveLength(4)
    }))

  it('by itself, again a quarter of an hour after it had to stop', () =>
    twoWorkers(async (open, host) => {
      await using one = await open({ reconcileMs: 2 * hour })
      host.fault = new Error('host is down')
      await one.start()
      await one.clock.advance(60_000)
      host.fault = null
      expect(await one.notifications.getReminders(1)).toEqual([])
      await one.clock.advance(15 * 60_000)
      expect(await one.notifications.getReminders(1)).toHaveLength(4)
      expect(one.log.lines.filter((line) => line.includes('background job postponed'))).toHaveLength(1)
    }))

  it('by itself, one worker in each period, but for what a worker was started with', () =>
    twoWorkers(async (open, host) => {
      await using one = await open({ reconcileMs: 2 * hour })
      await using other = await open({ reconcileMs: 2 * hour })
      let lists = 0
      const { upcoming } = host
      host.upcoming = (cursor) => {
        if (cursor === null) lists += 1
        return upcoming.call(host, cursor)
      }
      for (const clinic of [one, other]) {
        await clinic.start()
        await clinic.clock.advance(60_000)
      }
      expect(lists).toBe(2)
      for (const clinic of [one, other]) await clinic.clock.advance(2 * hour)
      expect(lists).toBe(3)
    }))

  it('stops with the library', () =>
    twoWorkers(async (open) => {
      const clinic = await open()
      const run = clinic.reconcile()
      await clinic.stop()
      expect(await run).toMatchObject({ status: 'stopped', code: 'storage_closed' })
    }))
})

describe('what it costs', () => {
  it('10,000 plans with nothing to do: seconds, without holding the event loop, and nothing is written', async () => {
    await using clinic = await openWatched()
    clinic.host.upcomingPage = 1000
    await planned(clinic, 10_000)
    const before = clinic.rows()
    let longest = 0
    let last = performance.now()
    let turnsOfOthers = 0
    const watch = setInterval(() => {
      turnsOfOthers += 1
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 1)
    const began = performance.now()
    const report = await clinic.reconcile()
    const took = performance.now() - began
    clearInterval(watch)
    console.log(
      `10,000 plans reconciled in ${Math.round(took)} ms, the event loop held for at most ${Math.round(longest)} ms`,
    )
    expect(report).toMatchObject({ ...nothing, status: 'done', checked: 10_000, unchanged: 10_000 })
    expect(clinic.rows()).toBe(before)
    expect(turnsOfOthers).toBeGreaterThan(50)
    expect(took).toBeLessThan(15_000)
  }, 60_000)
})
