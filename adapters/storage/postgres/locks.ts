import { hash as digestOf } from 'node:crypto'
import type { EntityId } from '../../../src/index.ts'
import type { Run } from './source.ts'

/**
 * Locks for rows that are not there. A row lock cannot guard 'there was no row', which most guards say: most patients
 * never make preferences. So both sides take an advisory lock on the identity: who decides on the absence, and who ends it.
 * The many take it shared and the few alone, so that the many do not wait for each other:
 * - `settings`, `preferences`: intents and plans shared, a creation alone;
 * - `plans`: insertions shared; an intent that saw no plan alone, and so is a page of a re-plan, which must not pass the id
 *   of a plan that is still being inserted;
 * - `notices`: lifecycle notices of one appointment, alone: of two at once one has to see and replace the other.
 * - `meters`, `budgets`, `outcomes`: the day's count of an organization with a cap and of a person with a budget, and what became of an
 *   appointment, alone.
 *
 * The library's own transactions are short and many, so those of a batch share a fixed number of places: the server's table
 * of locks is small, and two identities on one place only wait a moment. A transaction of the host may be long, so it must
 * keep nobody else: it takes `settings of` and `preferences of`, as fine as there are identities, which a creation takes as
 * well; and for an insertion `host plans`, which only a page of a re-plan minds, and `plan of`, which an intent minds that
 * saw no plan of this very appointment.
 */
const lockKinds = {
  plans: 1,
  settings: 256,
  preferences: 256,
  notices: 2 ** 20,
  meters: 256,
  outcomes: 2 ** 20,
  'host plans': 1,
  'plan of': 2 ** 20,
  'settings of': 2 ** 20,
  'preferences of': 2 ** 20,
  /** Taken by hand: see `shardOf`. */
  counters: 2 ** 20,
  budgets: 256,
} as const
type LockKind = keyof typeof lockKinds
const order = Object.keys(lockKinds)

export type AdvisoryLock = { readonly kind: LockKind; readonly identity: readonly EntityId[]; readonly shared: boolean }

export const nameOfLock = ({ kind, identity }: AdvisoryLock): string => `${kind} ${identity.join('\0')}`

const hash = (text: string): number => digestOf('sha256', text, 'buffer').readInt32BE(0)

/** Of the migration, which is alone in its schema. */
export const migrationLock = (schema: string): number => hash(`appointment-notifications migration ${schema}`)

/** Two schemas in one database must not wait for each other, so the schema is part of the first key. */
const baseOf = (schema: string): number => hash(`appointment-notifications rows ${schema}`) & ~0xffff

const placeOf = (kind: LockKind, identity: readonly EntityId[]): number =>
  lockKinds[kind] === 1 ? 0 : Math.abs(hash(JSON.stringify(identity))) % lockKinds[kind]

/** The two keys of a lock. */
export const keysOf = (schema: string, kind: LockKind, identity: readonly EntityId[]): readonly [number, number] => [
  baseOf(schema) + order.indexOf(kind),
  placeOf(kind, identity),
]

type Wanted = { readonly space: number; readonly place: number; readonly shared: boolean; readonly for: AdvisoryLock[] }

/** Each once, in the one order in which everybody takes them, so that nobody waits in a circle. */
function wantedOf(schema: string, locks: readonly AdvisoryLock[]): Wanted[] {
  const wanted = new Map<string, Wanted>()
  const base = baseOf(schema)
  // A batch asks for the same organization again and again.
  const places = new Map<string, number>()
  for (const lock of locks) {
    const { kind, identity } = lock
    const name = nameOfLock(lock)
    const place = places.get(name) ?? placeOf(kind, identity)
    places.set(name, place)
    const key = `${kind} ${place}`
    const before = wanted.get(key)
    const shared = lock.shared && before?.shared !== false
    if (before !== undefined && before.shared === shared) before.for.push(lock)
    else wanted.set(key, { space: base + order.indexOf(kind), place, shared, for: [...(before?.for ?? []), lock] })
  }
  return [...wanted.values()].sort((a, b) => a.space - b.space || a.place - b.place)
}

const columns = (wanted: readonly Wanted[]) => [
  wanted.map(({ space }) => space),
  wanted.map(({ place }) => place),
  wanted.map(({ shared }) => shared),
]

const from = 'from unnest($1::int[], $2::int[], $3::bool[]) as wanted(space, place, shared)'

/** In one round trip; until the transaction ends. */
export async function takeLocks(run: Run, schema: string, locks: readonly AdvisoryLock[]): Promise<void> {
  if (locks.length === 0) return
  const both = (way: string) => `pg_advisory_xact_lock${way}(space, place)`
  await run(
    `select case when shared then ${both('_shared')} else ${both('')} end ${from}`,
    columns(wantedOf(schema, locks)),
  )
}

/** Takes those that nobody holds, without waiting, and gives the others. */
export async function tryLocks(run: Run, schema: string, locks: readonly AdvisoryLock[]): Promise<AdvisoryLock[]> {
  if (locks.length === 0) return []
  const wanted = wantedOf(schema, locks)
  const both = (way: string) => `pg_try_advisory_xact_lock${way}(space, place)`
  const { rows } = await run<{ taken: string }>(
    `select case when shared then ${both('_shared')} else ${both('')} end::text as taken ${from}`,
    columns(wanted),
  )
  return wanted.flatMap((one, index) => (rows[index]?.taken === 'true' ? [] : one.for))
}
