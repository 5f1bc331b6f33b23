import { dayOf, type Tally } from './counters.ts'
import type { Tx } from './tx.ts'

/** Counts one more message of the organization on this day, unless `cap` of them were begun; says whether it did. */
export type Meter = (organizationId: string, cap: number) => boolean

/** One a command: what the day's counter holds is read once an organization, and written with the command's tally. */
export function createMeter(tx: Tx, at: Date, tally: Tally): Meter {
  const begun = new Map<string, number>()
  return (organizationId, cap) => {
    const count =
      begun.get(organizationId) ?? tx.statements.statistics.metered.get({ organizationId, day: dayOf(at) })?.count ?? 0
    begun.set(organizationId, count)
    if (count >= cap) return false
    begun.set(organizationId, count + 1)
    tally.add({ organizationId }, 'METERED', at)
    return true
  }
}
