/** Messages that were accepted while their outcome cannot be written, for longer than a lease, by two workers that live. */
import { setTimeout as wait } from 'node:timers/promises'
import Database from 'better-sqlite3'
import type { Store } from '../../src/records/store.ts'
import { postgres, sqlite } from '../support/stores.ts'
import { openTcpProxy } from '../support/tcp-proxy.ts'
import { withCleanup } from '../support/with-cleanup.ts'
import type { Size } from './networks.ts'
import {
  allArrived,
  check,
  goingAgainMs,
  Host,
  lostOf,
  openLibrary,
  openMailbox,
  schedule,
  twiceOf,
  type Verdict,
} from './world.ts'

type Outage = { readonly begin: () => void; readonly end: () => void }

/** The outage begins when a third is accepted, while the rest is being sent. */
const trial = (
  name: string,
  { reminders, outageMs }: Size,
  open: (defer: (step: () => unknown) => void) => Promise<{ readonly storage: () => Store; readonly outage: Outage }>,
): Promise<Verdict> =>
  withCleanup(async (defer) => {
    const mailbox = await openMailbox()
    defer(() => mailbox.server.close())
    const { storage, outage } = await open(defer)
    const host = new Host()
    const [one, other] = [0, 1].map(() => openLibrary(mailbox.server.port, host, { storage: storage() }))
    if (one === undefined || other === undefined) throw new Error('expected two workers')
    await one.library.migrate()
    const ids = host.book(reminders, 3000, 500)
    await schedule(one.library, ids)
    for (const { library } of [one, other]) await library.start()
    while (mailbox.arrived.length < reminders / 3) await wait(1)
    outage.begin()
    const began = mailbox.arrived.length
    await wait(outageMs)
    outage.end()
    const endedAt = Date.now()
    const lastAt = await allArrived(mailbox, ids.length, endedAt + goingAgainMs)
    // Whoever would send again does so when the leases of then are over.
    await wait(8000)
    for (const { library } of [one, other]) await library.stop()
    const twice = twiceOf(mailbox)
    return {
      name,
      expected: ids.length,
      facts: {
        sent: ids.length - lostOf(mailbox, ids).length,
        twice,
        acceptedBefore: began,
        lastAfterMs: Math.max(0, Math.round(lastAt - endedAt)),
      },
      breaches: check(twice === 0, `${name}: ${twice} sent twice`),
    }
  })

export const databaseAway = (url: string, size: Size): Promise<Verdict> =>
  trial('database away after messages were accepted', size, async (defer) => {
    const proxy = await openTcpProxy({ port: Number(new URL(url).port) })
    defer(() => proxy.stop())
    const through = new URL(url)
    through.port = String(proxy.port)
    const schema = `world_${process.pid}_${Math.random().toString(36).slice(2)}`
    return {
      storage: () => postgres({ url: through.href, schema, connections: 4 }),
      outage: { begin: () => proxy.blackhole(), end: () => proxy.heal() },
    }
  })

export const fileLocked = (path: string, size: Size): Promise<Verdict> =>
  trial('file locked by a stranger after messages were accepted', size, async (defer) => {
    const stranger = new Database(path)
    stranger.pragma('journal_mode = WAL')
    defer(() => stranger.close())
    return {
      storage: () => sqlite(path),
      outage: {
        begin: () => {
          for (let isLocked = false; !isLocked; ) {
            try {
              stranger.exec('begin immediate')
              isLocked = true
            } catch {
              // The library is writing at this moment.
            }
          }
        },
        end: () => void stranger.exec('rollback'),
      },
    }
  })
