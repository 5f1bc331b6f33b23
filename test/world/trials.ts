import { join } from 'node:path'
import { databaseNetwork, mailNetwork } from './networks.ts'
import { outage } from './outages.ts'
import { databaseAway, fileLocked } from './unwritten.ts'
import { clocksApart, deadWorker, heldRows, silentDirectory } from './workers.ts'
import type { Verdict } from './world.ts'

export type Ground = { readonly url: string; readonly directory: string; readonly small: boolean }

const minuteMs = 60_000

/** Every trial by its name. */
export function trialsOf({ url, directory, small }: Ground): Readonly<Record<string, () => Promise<Verdict>>> {
  const size = small ? { reminders: 40, outageMs: 4000 } : { reminders: 160, outageMs: 20_000 }
  const file = (name: string) => join(directory, `${name}.sqlite`)
  const named = new Map<string, () => Promise<Verdict>>()
  for (const kind of ['silence', 'forgetting', 'resets', 'halfClosed', 'slowness'] as const) {
    named.set(`database network: ${kind}`, () => databaseNetwork(url, kind, size))
    named.set(`mail network: ${kind}`, () => mailNetwork(file(kind), kind, size))
  }
  named.set('dead worker', () => deadWorker(url, size))
  named.set('held rows', () => heldRows(url, size))
  named.set('clocks: postgres', () => clocksApart('postgres', url, size))
  named.set('clocks: sqlite', () => clocksApart('sqlite', file('clocks'), size))
  // Longer than a lease, in either form.
  const unwritten = small ? { reminders: 60, outageMs: 8000 } : { reminders: 300, outageMs: 75_000 }
  named.set('database away', () => databaseAway(url, unwritten))
  named.set('file locked', () => fileLocked(file('locked'), unwritten))
  named.set('silent directory', () => silentDirectory(file('directory'), size))
  for (const answer of [451, 421, 535] as const) {
    for (const minutes of small ? [15] : [15, 60, 480]) {
      named.set(`outage: ${answer}, ${minutes} min`, () => outage(answer, minutes * minuteMs, small ? 30 : 200))
    }
  }
  return Object.fromEntries(named)
}
