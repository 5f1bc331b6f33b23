import type { TableName } from '../kysely/tables.ts'
import type { Session } from './engine.ts'
import type { GuardedKeys } from './guard-reads.ts'
import { qualified } from './names.ts'
import { encodeParameter } from './values.ts'
import { guardedKey, type WorkingSet } from './working-set.ts'

/** `skip` leaves out rows that another transaction holds, in place of waiting for them. */
export type Waiting = 'wait' | 'skip'

type Holder = 'ORGANIZATION' | 'PATIENT' | 'CLIENT'
type Guarded = { readonly holder: Holder; readonly as: string; readonly table: TableName; readonly column: string }

const guarded: readonly Guarded[] = [
  { holder: 'ORGANIZATION', as: 'settings', table: 'notification_settings', column: 'organization_id' },
  { holder: 'PATIENT', as: 'patients', table: 'patient_notification_preferences', column: 'patient_id' },
  { holder: 'CLIENT', as: 'clients', table: 'client_notification_preferences', column: 'client_id' },
]

/** Locks are not allowed in what a union consists of, but in what it reads from. It reads in the order of `guarded`. */
function statement(schema: string, waiting: Waiting): string {
  const locked = ({ as, table, column }: Guarded, index: number) => `${as} as materialized (
    select ${column} as of_id, revision from ${qualified(schema, table)} where ${column} = any($${index + 1}) order by id
    for share${waiting === 'skip' ? ' skip locked' : ''})`
  const found = ({ holder, as, table, column }: Guarded, index: number) =>
    waiting === 'wait'
      ? `select '${holder}' as holder, of_id::text, revision from ${as}`
      : `select '${holder}' as holder, t.${column}::text as of_id, ${as}.revision from ${qualified(schema, table)} as t
           left join ${as} on ${as}.of_id = t.${column} where t.${column} = any($${index + 1})`
  return `with ${guarded.map(locked).join(', ')} ${guarded.map(found).join(' union all ')}`
}

/**
 * Loads the revisions that guards name, and holds them until the commit: shared, and in one round trip. Gives the keys of rows
 * that are there and could not be had: what was not loaded must never look as if it were absent.
 */
export const guardLoader =
  ({ run, schema }: Session, { revisions }: WorkingSet) =>
  async ({ organizations, PATIENT, CLIENT }: GuardedKeys, waiting: Waiting = 'wait'): Promise<ReadonlySet<string>> => {
    const held = new Set<string>()
    if (organizations.length === 0) return held
    const { rows } = await run<{ holder: Holder; of_id: string; revision: number | null }>(
      statement(schema, waiting),
      [organizations, PATIENT, CLIENT].map(encodeParameter),
    )
    for (const { holder, of_id, revision } of rows) {
      const key = guardedKey(holder, of_id)
      if (revision === null) held.add(key)
      else revisions.set(key, { revision: Number(revision) })
    }
    return held
  }
