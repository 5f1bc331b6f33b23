/** Networks that go silent, slow or away, between the library and what it talks to. */
import { setTimeout as wait } from 'node:timers/promises'
import { postgres } from '../../adapters/storage/postgres.ts'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { withCleanup } from '../support/with-cleanup.ts'
import {
  allArrived,
  check,
  goingAgainMs,
  Host,
  leaseMs,
  lostOf,
  openLibrary,
  openMailbox,
  schedule,
  stopInTime,
  stopLimitMs,
  twiceOf,
  type Verdict,
} from './world.ts'

export type Size = { readonly reminders: number; readonly outageMs: number }
type Fault = (proxy: TcpProxy, outageMs: number) => Promise<void>

const silence: Fault = async (proxy, outageMs) => {
  proxy.blackhole()
  await wait(outageMs)
  proxy.heal()
}
const forgetting: Fault = async (proxy) => proxy.strand()
const resets: Fault = async (proxy, outageMs) => {
  for (let round = 0; round < 4; round += 1) {
    proxy.reset()
    await wait(outageMs / 4)
  }
}
const halfClosed: Fault = async (proxy, outageMs) => {
  proxy.halfClose('client')
  await wait(outageMs / 2)
  proxy.halfClose('server')
  await wait(outageMs / 2)
}
const slowness: Fault = async (proxy, outageMs) => {
  proxy.slow(5)
  await wait(outageMs)
  proxy.heal()
}

const faults = { silence, forgetting, resets, halfClosed, slowness }
export type FaultName = keyof typeof faults

/** Reminders fall due before, in and after the fault. */
async function trial(
  name: string,
  { reminders, outageMs }: Size,
  fault: Fault,
  open: (defer: (step: () => unknown) => void) => Promise<{
    readonly proxy: TcpProxy
    readonly run: () => ReturnType<typeof openLibrary> & { readonly mailbox: Awaited<ReturnType<typeof openMailbox>> }
    readonly host: Host
    /** A message that was on its way when the network broke may go twice, under one Message-ID. */
    readonly inDoubt: boolean
  }>,
): Promise<Verdict> {
  return withCleanup(async (defer) => {
    const { proxy, run, host, inDoubt } = await open(defer)
    const { library, lines, mailbox } = run()
    await library.migrate()
    const ids = host.book(reminders, 2000, outageMs + 3000)
    await schedule(library, ids)
    await library.start()
    await wait(3000)
    await fault(proxy, outageMs)
    const healedAt = Date.now()
    const lastAt = await allArrived(mailbox, ids.length, healedAt + goingAgainMs + leaseMs)
    const stopMs = await stopInTime(library)
    const lost = lostOf(mailbox, ids)
    const twice = twiceOf(mailbox)
    return {
      name,
      expected: ids.length,
      facts: {
        sent: ids.length - lost.length,
        twice,
        lines: lines.written.length,
        lastAfterMs: Math.round(lastAt - healedAt),
        stopMs,
      },
      breaches: [
        ...check(inDoubt || twice === 0, `${name}: ${twice} sent twice`),
        ...check(lines.written.length > 0 || twice + lost.length === 0, `${name}: nothing in the log`),
        ...check(stopMs <= stopLimitMs, `${name}: stop() took ${stopMs} ms`),
      ],
    }
  })
}

/** Between the library and Postgres. */
export const databaseNetwork = (url: string, kind: FaultName, size: Size): Promise<Verdict> =>
  trial(`database network: ${kind}`, size, faults[kind], async (defer) => {
    const target = new URL(url)
    const proxy = await openTcpProxy({ port: Number(target.port) })
    defer(() => proxy.stop())
    const mailbox = await openMailbox()
    defer(() => mailbox.server.close())
    const through = new URL(url)
    through.port = String(proxy.port)
    const host = new Host()
    const schema = `world_${process.pid}_${Math.random().toString(36).slice(2)}`
    const storage = postgres({ url: through.href, schema, connections: 4 })
    return {
      proxy,
      host,
      inDoubt: false,
      run: () => ({ ...openLibrary(mailbox.server.port, host, { storage }), mailbox }),
    }
  })

/** Between the library and its mail server. */
export const mailNetwork = (path: string, kind: FaultName, size: Size): Promise<Verdict> =>
  trial(`mail network: ${kind}`, size, faults[kind], async (defer) => {
    const mailbox = await openMailbox()
    defer(() => mailbox.server.close())
    const proxy = await openTcpProxy({ port: mailbox.server.port })
    defer(() => proxy.stop())
    const host = new Host()
    const storage = sqlite(path)
    return {
      proxy,
      host,
      inDoubt: kind !== 'slowness',
      run: () => ({ ...openLibrary(proxy.port, host, { storage }), mailbox }),
    }
  })
