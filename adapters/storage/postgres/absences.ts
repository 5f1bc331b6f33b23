import type { EntityId } from '../../../src/index.ts'
import type * as records from '../../../src/records/index.ts'
import type { AdvisoryLock } from './locks.ts'

type Guard = { readonly kind: AdvisoryLock['kind']; readonly by: readonly string[]; readonly of?: readonly string[] }

/** What guards the absence of a row of a table, by which of its columns; `of` stands before their values. */
const guards: Readonly<Partial<Record<records.TableName, Guard>>> = {
  notification_settings: { kind: 'settings', by: ['organization_id'] },
  patient_notification_preferences: { kind: 'preferences', of: ['PATIENT'], by: ['patient_id'] },
  client_notification_preferences: { kind: 'preferences', of: ['CLIENT'], by: ['client_id'] },
  reminder_plans: { kind: 'plan of', by: ['organization_id', 'appointment_id'] },
  notification_history: { kind: 'notices', by: ['organization_id', 'appointment_id'] },
  notification_counters: { kind: 'meters', by: ['organization_id'] },
  notification_budgets: { kind: 'budgets', by: ['organization_id', 'recipient_type', 'recipient_id'] },
  appointment_outcomes: { kind: 'outcomes', by: ['organization_id', 'appointment_id'] },
}

/**
 * The advisory locks that guard an absence: see `locks.ts`. A transaction of the host takes finer ones for what it relies on, and
 * whoever ends an absence takes both.
 */
export function locksOf({ key: { table }, of: values, way }: records.Absence, isHosts: boolean): AdvisoryLock[] {
  const guard = guards[table]
  if (guard === undefined) throw new Error(`nothing guards the absence of a row of ${table}`)
  const { kind, by, of = [] } = guard
  const value = (column: string): EntityId => {
    const found = values[column]
    return typeof found === 'number' ? found : String(found)
  }
  const shared = way === 'relies'
  const lock = { identity: [...of, ...by.map(value)], shared }
  if (kind === 'plan of') {
    // Insertions are many, so they are the ones that share; an intent that saw no plan is alone.
    const all = (plans: 'plans' | 'host plans') => ({ kind: plans, identity: [], shared: !shared })
    if (shared) return [all('plans'), { ...lock, kind }]
    return isHosts ? [all('host plans'), { ...lock, kind }] : [all('plans')]
  }
  if (kind !== 'settings' && kind !== 'preferences') return [{ ...lock, kind }]
  const fine = { ...lock, kind: `${kind} of` } as const
  if (!shared) return [{ ...lock, kind }, fine]
  return [isHosts ? fine : { ...lock, kind }]
}
