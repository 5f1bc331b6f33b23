/** Workers that stand still, clocks that differ, rows that others hold, a directory that does not answer. */
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { postgres } from '../../adapters/storage/postgres.ts'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { OffsetClock } from '../support/offset-clock.ts'
import { openTcpProxy } from '../support/tcp-proxy.ts'
import { withCleanup } from '../support/with-cleanup.ts'
import type { Size } from './networks.ts'
import {
  allArrived,
  check,
  goingAgainMs,
  Host,
  leaseMs,
  lostOf,
  openLibrary,
  openMailbox,
  organizationOf,
  schedule,
  stopInTime,
  stopLimitMs,
  twiceOf,
  type Verdict,
} from './world.ts'

const newSchema = () => `world_${process.pid}_${Math.random().toString(36).slice(2)}`

/** One worker's network to the database dies in the middle of its work, without a word; the other one is well. */
export const deadWorker = (url: string, { reminders, outageMs }: Size): Promise<Verdict> =>
  withCleanup(async (defer) => {
    const name = 'a worker whose network dies in a claim'
    const mailbox = await openMailbox()
    defer(() => mailbox.server.close())
    const proxy = await openTcpProxy({ port: Number(new URL(url).port) })
    defer(() => proxy.stop())
    const through = new URL(url)
    through.port = String(proxy.port)
    const [schema, host] = [newSchema(), new Host()]
    const open = (target: string) =>
      openLibrary(mailbox.server.port, host, { storage: postgres({ url: target, schema, connections: 4 }) }).library
    const [dead, well] = [open(through.href), open(url)]
    await well.migrate()
    const ids = host.book(reminders, 2000, outageMs + 3000)
    await schedule(well, ids)
    await dead.start()
    await well.start()
    await wait(4000)
    proxy.blackhole()
    proxy.strand()
    const diedAt = Date.now()
    const lastDueAt = diedAt + outageMs + 3000
    const lastAt = await allArrived(mailbox, ids.length, lastDueAt + goingAgainMs)
    const stopMs = await stopInTime(dead)
    await well.stop()
    const lost = lostOf(mailbox, ids)
    const twice = twiceOf(mailbox)
    return {
      name,
      expected: ids.length,
      facts: { sent: ids.length - lost.length, twice, lastAfterMs: Math.round(lastAt - lastDueAt), stopMs },
      breaches: [
        // What it had sent and could not write is in doubt: at most its places.
        ...check(twice <= 10, `${name}: ${twice} sent twice`),
        ...check(stopMs <= stopLimitMs, `${name}: stop() of the dead one took ${stopMs} ms`),
      ],
    }
  })

/** A transaction of the host holds the rows of one appointment. */
export const heldRows = (url: string, { reminders, outageMs }: Size): Promise<Verdict> =>
  withCleanup(async (defer) => {
    const name = 'rows of one appointment held by the host'
    const mailbox = await openMailbox()
    defer(() => mailbox.server.close())
    const [schema, host] = [newSchema(), new Host()]
    const { library } = openLibrary(mailbox.server.port, host, { storage: postgres({ url, schema, connections: 4 }) })
    await library.migrate()
    const ids = host.book(reminders, 3000, 1000)
    await schedule(library, ids)
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    defer(() => client.end())
    await client.query('begin')
    await client.query(`select 1 from "${schema}".appointment_reminders where appointment_id = 1 for update`)
    await client.query(`select 1 from "${schema}".reminder_plans where appointment_id = 1 for update`)
    await library.start()
    await wait(4000 + outageMs)
    const whileHeld = new Set(mailbox.arrived.map(({ to }) => to)).size
    await client.query('rollback')
    const releasedAt = Date.now()
    await allArrived(mailbox, ids.length, releasedAt + goingAgainMs)
    await library.stop()
    const lost = lostOf(mailbox, ids)
    const twice = twiceOf(mailbox)
    return {
      name,
      expected: ids.length,
      facts: { sent: ids.length - lost.length, whileHeld, twice },
      breaches: [
        ...check(whileHeld === ids.length - 1, `${name}: ${whileHeld} of the ${ids.length - 1} others sent meanwhile`),
        ...check(twice === 0, `${name}: ${twice} sent twice`),
      ],
    }
  })

/** Two workers on one database whose clocks differ by more than a lease, and one of which is set. */
export const clocksApart = (
  kind: 'sqlite' | 'postgres',
  target: string,
  { reminders, outageMs }: Size,
): Promise<Verdict> =>
  withCleanup(async (defer) => {
    const name = `clocks apart on ${kind}`
    const mailbox = await openMailbox()
    defer(() => mailbox.server.close())
    mailbox.server.fault = null
    const [schema, host] = [newSchema(), new Host()]
    const ahead = new OffsetClock(kind === 'postgres' ? leaseMs + 5000 : 0)
    const open = (clock?: OffsetClock) =>
      openLibrary(mailbox.server.port, host, {
        storage: kind === 'sqlite' ? sqlite(target) : postgres({ url: target, schema, connections: 4 }),
        ...(clock === undefined ? {} : { clock }),
      }).library
    const [right, wrong] = [open(), open(ahead)]
    await right.migrate()
    const ids = host.book(reminders, 2000, outageMs)
    await schedule(right, ids)
    await right.start()
    await wrong.start()
    for (const step of [120_000, -120_000, 2 * 86_400_000, -2 * 86_400_000]) {
      await wait(outageMs / 5)
      // A clock ahead sends early on SQLite, where the processes of one machine share one: only steps back and forth count.
      ahead.step(kind === 'postgres' ? step : 0)
    }
    await allArrived(mailbox, ids.length, Date.now() + goingAgainMs)
    await right.stop()
    await wrong.stop()
    const lost = lostOf(mailbox, ids)
    const twice = twiceOf(mailbox)
    return {
      name,
      expected: ids.length,
      facts: { sent: ids.length - lost.length, twice },
      breaches: [...check(twice === 0, `${name}: ${twice} sent twice`)],
    }
  })

/** The directory never answers for one organization. */
export const silentDirectory = (path: string, { reminders, outageMs }: Size): Promise<Verdict> =>
  withCleanup(async (defer) => {
    const name = 'a directory that never answers for one organization'
    const mailbox = await openMailbox()
    defer(() => mailbox.server.close())
    const host = new Host()
    const { library, lines } = openLibrary(mailbox.server.port, host, {
      storage: sqlite(path),
      directoryTimeoutMs: 1000,
    })
    await library.migrate()
    const ids = host.book(reminders, 2000, outageMs, 4)
    await schedule(library, ids)
    const silent = organizationOf(0)
    const healed = Promise.withResolvers<void>()
    let isHealed = false
    host.between = (organizationId) => (organizationId === silent && !isHealed ? healed.promise : Promise.resolve())
    await library.start()
    const others = ids.filter((id) => Number(id) % 4 !== 0)
    await allArrived(mailbox, others.length, Date.now() + outageMs + 30_000)
    const lateness = Math.round((mailbox.arrived.at(-1)?.at ?? Number.NaN) - Date.now())
    const meanwhile = others.length - lostOf(mailbox, others).length
    isHealed = true
    healed.resolve()
    await allArrived(mailbox, ids.length, Date.now() + goingAgainMs)
    const stopMs = await stopInTime(library)
    const lost = lostOf(mailbox, ids)
    const twice = twiceOf(mailbox)
    return {
      name,
      expected: ids.length,
      facts: { sent: ids.length - lost.length, meanwhile, twice, lateness, lines: lines.written.length, stopMs },
      breaches: [
        ...check(meanwhile === others.length, `${name}: ${meanwhile} of ${others.length} of the others sent meanwhile`),
        ...check(twice === 0, `${name}: ${twice} sent twice`),
        ...check(lines.written.length > 0, `${name}: nothing in the log`),
        ...check(stopMs <= stopLimitMs, `${name}: stop() took ${stopMs} ms`),
      ],
    }
  })
