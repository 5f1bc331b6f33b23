import { refKey } from '../schemas/common.ts'
import type { DecisionEntry } from '../schemas/decision.ts'
import { isProviderMissing, ruleTable } from '../schemas/vocabulary.ts'

/**
 * Why somebody who could be reached is not: nobody can send on any of the channels for which there is an address. In words; null:
 * there is nobody so. A channel that nobody serves beside one that is served is as it should be.
 */
export function unserved(entries: readonly DecisionEntry[]): string | null {
  const byRecipient = Map.groupBy(entries, ({ recipient }) => (recipient === undefined ? null : refKey(recipient)))
  for (const [recipient, own] of byRecipient) {
    const reachable = own.filter(({ rule }) => rule !== 'no_contact' && rule !== 'invalid_contact')
    if (recipient === null || reachable.length === 0) continue
    if (reachable.every(({ action, rule }) => action === 'skipped' && isProviderMissing(rule))) {
      return reachable.map(({ channel, rule }) => `${channel}: ${ruleTable[rule]}`).join('; ')
    }
  }
  return null
}
