/** A database restored from a backup does not know what was sent since. */
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type NotificationsOptions, type OutboundMessage, type Transport, TransportError } from '../../src/index.ts'
import { ask } from '../conformance/http/world.ts'
import { HostData, openClinic, organizationId } from '../support/clinic.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { postgres, sqlite } from '../support/stores.ts'

const minute = 60_000
const hour = 60 * minute
const before = '2026-03-20T11:00:00Z'
const backupAt = new Date('2026-03-20T11:30:00Z')
const patient = (id: number) => ({ type: 'PATIENT', id, email: `p${id}@example.org` }) as const

/** A clinic whose database is backed up, goes on, and is restored: what went out before and after. */
async function clinics(options: Partial<NotificationsOptions> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'restore-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const [path, backup] = [join(directory, 'rows.sqlite'), join(directory, 'backup.sqlite')]
  const host = new HostData()
  const clock = new ManualClock(before)
  const sent: OutboundMessage[] = []
  const open = async () => {
    const outbox = capture()
    const transport: Transport = {
      ...outbox,
      async send(message, context) {
        const receipt = await outbox.send(message, context)
        sent.push(message)
        return receipt
      },
    }
    return openClinic(before, {
      storage: sqlite(path),
      transports: [transport],
      directory: host,
      clock,
      sweepMs: minute,
      authenticate: () => ({ kind: 'service', id: 'operator' }),
      ...options,
    })
  }
  /** Reminders of a day before, due at so many minutes past 11. */
  const book = (id: number, minutes: number) =>
    host.book({ id, startsAt: new Date(Date.parse(before) + 24 * hour + minutes * minute), recipients: [patient(id)] })
  const takeBackup = async () => {
    const database = new Database(path)
    await database.backup(backup)
    database.close()
  }
  const restore = async () => {
    for (const name of ['', '-wal', '-shm']) await rm(`${path}${name}`, { force: true })
    await copyFile(backup, path)
    const clinic = await open()
    onTestFinished(() => clinic[Symbol.asyncDispose]())
    return clinic
  }
  const keysTo = (id: number) =>
    sent.filter(({ to }) => to === patient(id).email).map(({ idempotencyKey }) => idempotencyKey)
  return { host, clock, sent, open, book, takeBackup, restore, keysTo }
}

/** Three were sent since the backup, and one lies ahead. */
async function restored() {
  const world = await clinics()
  const { clock, book, open, takeBackup, restore, sent } = world
  const first = await open()
  for (const [id, minutes] of [
    [1, 40],
    [2, 45],
    [3, 50],
    [4, 120],
  ] as const)
    book(id, minutes)
  await first.notifications.scheduleMany([1, 2, 3, 4], { customReminders: [24] })
  await first.start()
  await clock.advanceTo(backupAt)
  await takeBackup()
  await clock.advanceTo('2026-03-20T12:00:00Z')
  await first.stop()
  expect(sent).toHaveLength(3)
  return { ...world, clinic: await restore() }
}

it('holds what fell due since, and sends nothing of it twice without a decision', async () => {
  const { clinic, clock, sent, keysTo } = await restored()
  const report = await clinic.afterRestore(backupAt)
  expect(report).toMatchObject({ held: 3, reconciliation: { status: 'done' } })
  await clinic.start()
  await clock.advance(30 * minute)
  expect(sent).toHaveLength(3)
  expect(await clinic.notifications.explain(1)).toContainEqual(
    expect.objectContaining({ action: 'held', rule: 'restored', detail: 'backup of 2026-03-20T11:30:00.000Z' }),
  )
  const held = await clinic.held()
  expect(held.map(({ appointmentId, wantedAt }) => [appointmentId, wantedAt.toISOString()])).toEqual([
    [1, '2026-03-20T11:40:00.000Z'],
    [2, '2026-03-20T11:45:00.000Z'],
    [3, '2026-03-20T11:50:00.000Z'],
  ])
  // As the mail server has it in its log.
  expect(held.map(({ idempotencyKey }) => idempotencyKey)).toEqual([...keysTo(1), ...keysTo(2), ...keysTo(3)])
  const health = ask(clinic, { method: 'GET', path: '/health', caller: null })
  await clock.advance(1)
  expect(await health).toMatchObject({ status: 200, answer: { held: 3 } })
  // What lies ahead goes on.
  await clock.advanceTo('2026-03-20T13:01:00Z')
  expect(sent).toHaveLength(4)
  expect(keysTo(4)).toHaveLength(1)
})

it('sends what is released under the key of before, and withdraws what is cancelled', async () => {
  const { clinic, clock, sent, keysTo } = await restored()
  await clinic.afterRestore(backupAt)
  await clinic.start()
  expect(await clinic.releaseHeld({ appointmentId: 1 })).toEqual({ released: 1 })
  await clock.advance(1000)
  expect(sent).toHaveLength(4)
  expect(new Set(keysTo(1)).size).toBe(1)
  expect(keysTo(1)).toHaveLength(2)
  expect(await clinic.notifications.getReminders(1)).toMatchObject([{ status: 'SENT' }])
  expect(await clinic.cancelHeld({ organizationId })).toEqual({ cancelled: 2 })
  expect(await clinic.notifications.getReminders(2)).toMatchObject([{ status: 'CANCELLED', reason: 'restored' }])
  expect(await clinic.held()).toEqual([])
  expect(await clinic.releaseHeld()).toEqual({ released: 0 })
  await clock.advance(hour)
  expect(keysTo(2)).toHaveLength(1)
})

it('leaves what is held to the cancellations and moves of its appointment', async () => {
  const { clinic, clock, host, sent } = await restored()
  await clinic.afterRestore(backupAt)
  await clinic.start()
  host.change(1, { status: 'cancelled' })
  await clinic.notifications.appointmentCancelled(1, { notify: false })
  host.change(2, { startsAt: '2026-03-22T12:00:00Z' })
  await clinic.notifications.rescheduleReminders(2)
  expect((await clinic.held()).map(({ appointmentId }) => appointmentId)).toEqual([3])
  host.change(3, { status: 'cancelled' })
  await clinic.releaseHeld()
  await clock.advance(1000)
  expect(sent).toHaveLength(3)
  expect(await clinic.notifications.getReminders(3)).toMatchObject([
    { status: 'CANCELLED', reason: 'appointment_cancelled' },
  ])
})

it('holds notices too, those that were being sent, and those that waited for a retry or an account', async () => {
  const mail: Transport = {
    ...capture(),
    concurrency: 100,
    send: (message) => {
      const id = message.to.slice(0, 2)
      if (id === 'p1') return new Promise(() => {})
      const [scope, code] = id === 'p2' ? (['message', 'smtp_450'] as const) : (['account', 'smtp_535'] as const)
      return Promise.reject(new TransportError('Not now.', { outcome: 'transient', code, scope }))
    },
  }
  const { clock, book, open, takeBackup, restore } = await clinics({
    transports: [mail],
    retry: { baseMs: 20 * minute },
  })
  const first = await open()
  for (const id of [1, 2, 3]) book(id, 20)
  await first.notifications.scheduleMany([1, 2], { customReminders: [24] })
  await first.start()
  await clock.advanceTo('2026-03-20T11:29:00Z')
  await first.notifications.appointmentBooked(3)
  await clock.advanceTo(backupAt)
  await takeBackup()
  const stopped = first.stop()
  await clock.advance(15_000)
  await stopped
  await clock.advanceTo('2026-03-20T12:30:00Z')
  const clinic = await restore()
  const { held } = await clinic.afterRestore(backupAt)
  const found = await clinic.held()
  expect(found.map(({ appointmentId }) => appointmentId).toSorted()).toEqual([1, 2, 3, ...(held === 4 ? [3] : [])])
  expect(found.filter(({ notificationId }) => notificationId !== null).length).toBeGreaterThanOrEqual(3)
  await clinic.start()
  await clock.advance(hour)
  expect((await clinic.held()).length).toBe(found.length)
  await clinic.cancelHeld()
  const { notifications } = await clinic.notifications.history({ state: 'unknown' })
  // Begun before the backup, and nobody knows what became of it.
  expect(notifications).toMatchObject([{ appointmentId: 1, errorCode: 'restored' }])
})

it.each(['send_now', 'merge'] as const)(
  'sends nothing late of what was booked or moved since, also where the policy is %s',
  async (pastReminders) => {
    const { clock, book, host, open, takeBackup, restore, sent } = await clinics()
    const first = await open()
    await first.settings.createOrganizationSettings(organizationId, { pastReminders })
    book(1, 180)
    await first.notifications.scheduleReminders(1, { customReminders: [24] })
    await first.start()
    await clock.advanceTo(backupAt)
    await takeBackup()
    book(5, 40)
    await first.notifications.scheduleReminders(5, { customReminders: [24, 2] })
    host.change(1, { startsAt: new Date(Date.parse(before) + 24 * hour + 50 * minute) })
    await first.notifications.rescheduleReminders(1)
    await clock.advanceTo('2026-03-20T12:00:00Z')
    await first.stop()
    expect(sent).toHaveLength(2)
    const clinic = await restore()
    const { held, reconciliation } = await clinic.afterRestore(backupAt)
    expect({ held, planned: reconciliation.planned, moved: reconciliation.moved }).toEqual({
      held: 0,
      planned: 1,
      moved: 1,
    })
    await clinic.start()
    await clock.advance(hour)
    expect(sent).toHaveLength(2)
    expect(await clinic.notifications.getReminders(5)).toMatchObject([{ offset: '2h', status: 'PENDING' }])
  },
)

it('is refused once the library has started, and for a backup of the future', async () => {
  const { open, clock } = await clinics()
  const clinic = await open()
  onTestFinished(() => clinic[Symbol.asyncDispose]())
  const later = new Date(clock.now().getTime() + 1)
  await expect(clinic.afterRestore(later)).rejects.toMatchObject({ code: 'invalid_input' })
  await clinic.start()
  await expect(clinic.afterRestore(backupAt)).rejects.toMatchObject({ code: 'conflict' })
})

describe('on Postgres', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await openPostgres()
  })
  afterAll(() => server.stop())

  it('waits for rows that another transaction has, and holds those too', async () => {
    const schema = `restore_${process.pid}`
    const clock = new ManualClock(before)
    const clinic = await openClinic(before, { storage: postgres({ url: server.url, schema }), clock })
    for (const id of [1, 2, 3]) {
      clinic.host.book({ id, startsAt: new Date(Date.parse(before) + 25 * hour), recipients: [patient(id)] })
    }
    await clinic.notifications.scheduleMany([1, 2, 3], { customReminders: [24] })
    await clock.advanceTo('2026-03-20T12:30:00Z')
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    await client.query('begin')
    await client.query(`select from ${schema}.appointment_reminders where appointment_id = 2 for update`)
    let isDone = false
    const done = clinic.afterRestore(backupAt).finally(() => {
      isDone = true
    })
    const pass = () => expect.poll(() => clock.advance(100).then(() => isDone), { interval: 20 })
    await pass().toBe(false)
    await client.query('rollback')
    await client.end()
    await pass().toBe(true)
    expect(await done).toMatchObject({ held: 3 })
    expect((await clinic.held()).map(({ appointmentId }) => appointmentId).toSorted()).toEqual([1, 2, 3])
    expect(await clinic.releaseHeld()).toEqual({ released: 3 })
    await clinic.start()
    await expect.poll(() => clock.advance(1000).then(() => clinic.outbox.sent.length)).toBe(3)
    const stopped = clinic.stop()
    await expect.poll(() => Promise.race([stopped.then(() => true), clock.advance(1000).then(() => false)])).toBe(true)
  })
})
