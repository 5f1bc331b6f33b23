import { createHash } from 'node:crypto'
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
 * - `meters`, `outcomes`: the day's count of an organization with a cap, and what became of an appointment, alone.
 * Identities share a fixed number of locks, because the server's table of locks is small: a batch holds at most `places`
 * of a kind, and two identities on one place only wait for each other's short transaction.
 */
const lockKinds = ['plans', 'settings', 'preferences', 'notices', 'meters', 'outcomes'] as const
type LockKind = (typeof lockKinds)[number]

export type AdvisoryLock = { readonly kind: LockKind; readonly identity: readonly EntityId[]; readonly shared: boolean }

const places = 256

const hash = (text: string): number => createHash('sha256').update(text).digest().readInt32BE(0)

/** Of the migration, which is alone in its schema. */
export const migrationLock = (schema: string): number => hash(`appointment-notifications migration ${schema}`)

/** Taken in one order by everybody, so that nobody waits in a circle; in one round trip; until the transaction ends. */
export async function takeLocks(run: Run, schema: string, locks: readonly AdvisoryLock[]): Promise<void> {
  if (locks.length === 0) return
  const wanted = new Map<string, { space: number; place: number; shared: boolean }>()
  for (const { kind, identity, shared } of locks) {
    const space = lockKinds.indexOf(kind)
    const place = kind === 'plans' ? 0 : Math.abs(hash(JSON.stringify(identity))) % places
    const key = `${space}:${place}`
    wanted.set(key, { space, place, shared: shared && wanted.get(key)?.shared !== false })
  }
  const ordered = [...wanted.values()].sort((a, b) => a.space - b.space || a.place - b.place)
  // Two schemas in one database must not wait for each other, so the schema is part of the first key.
  const base = hash(`appointment-notifications rows ${schema}`) & ~0xffff
  await run(
    `select case when shared then pg_advisory_xact_lock_shared(space, place) else pg_advisory_xact_lock(space, place) end
     from unnest($1::int[], $2::int[], $3::bool[]) as wanted(space, place, shared)`,
    [ordered.map(({ space }) => base + space), ordered.map(({ place }) => place), ordered.map(({ shared }) => shared)],
  )
}
