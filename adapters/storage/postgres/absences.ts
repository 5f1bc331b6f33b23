import type { EntityId } from '../../../src/index.ts'
import type * as records from '../../../src/records/index.ts'
import type { AdvisoryLock } from './locks.ts'

/**
 * The advisory locks that guard an absence: see `locks.ts`. A transaction of the host takes finer ones for what it relies on, and
 * whoever ends an absence takes both.
 */
export function locksOf({ key, of, way }: records.Absence, isHosts: boolean): AdvisoryLock[] {
  const shared = way === 'relies'
  const value = (column: string): EntityId => {
    const found = of[column]
    return typeof found === 'number' ? found : String(found)
  }
  const rowOf = (kind: 'settings' | 'preferences', identity: readonly EntityId[]): AdvisoryLock[] =>
    shared
      ? [{ kind: isHosts ? `${kind} of` : kind, identity, shared }]
      : [
          { kind, identity, shared },
          { kind: `${kind} of`, identity, shared },
        ]
  switch (key.table) {
    case 'notification_settings':
      return rowOf('settings', [value('organization_id')])
    case 'patient_notification_preferences':
      return rowOf('preferences', ['PATIENT', value('patient_id')])
    case 'client_notification_preferences':
      return rowOf('preferences', ['CLIENT', value('client_id')])
    case 'reminder_plans': {
      const identity = [value('organization_id'), value('appointment_id')]
      // Insertions are many, so they are the ones that share; an intent that saw no plan is alone.
      if (shared)
        return [
          { kind: 'plans', identity: [], shared: false },
          { kind: 'plan of', identity, shared: true },
        ]
      if (!isHosts) return [{ kind: 'plans', identity: [], shared: true }]
      return [
        { kind: 'host plans', identity: [], shared: true },
        { kind: 'plan of', identity, shared: false },
      ]
    }
    case 'notification_history':
      return [{ kind: 'notices', identity: [value('organization_id'), value('appointment_id')], shared }]
    case 'notification_counters':
      return [{ kind: 'meters', identity: [value('organization_id')], shared }]
    case 'notification_budgets': {
      const identity = [value('organization_id'), value('recipient_type'), value('recipient_id')]
      return [{ kind: 'budgets', identity, shared }]
    }
    case 'appointment_outcomes':
      return [{ kind: 'outcomes', identity: [value('organization_id'), value('appointment_id')], shared }]
    default:
      throw new Error(`nothing guards the absence of a row of ${key.table}`)
  }
}
