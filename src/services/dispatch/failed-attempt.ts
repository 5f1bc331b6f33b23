import { addressKey } from '../../domain/effective.ts'
import type { TransportError } from '../../errors.ts'
import type { DeliveryRow, SettleCommand, SettleResult } from '../../ports/storage.ts'
import type { DecisionAction, Rule } from '../../schemas/vocabulary.ts'
import type { Outgoing } from './decide.ts'

/** A failed attempt, and what could follow it. */
export type FailedAttempt = {
  readonly error: TransportError
  readonly delivery: DeliveryRow
  readonly outgoing: Outgoing
  /** When the next attempt would be; null if there is none left, or none in time. */
  readonly nextAttempt: Date | null
  /** Until when the account is stopped because of it; null if the failure is the message's own. */
  readonly accountPausedUntil: Date | null
}

/** What becomes of the delivery, and the decision to record with it. */
export type Judgement = Pick<SettleCommand, 'result' | 'suppress'> & {
  readonly action: DecisionAction
  readonly rule: Rule
}

export function judgeFailure(attempt: FailedAttempt): Judgement {
  const { error, delivery, outgoing, nextAttempt, accountPausedUntil } = attempt
  const { code, message } = error
  const judged = (result: SettleResult, action: DecisionAction, rule: Rule): Judgement => {
    return { result, action, rule, suppress: null }
  }
  const fail = (rule: Rule) => judged({ kind: 'failed', code, message }, 'failed', rule)
  const retryAt = (dueAt: Date, { unknown = false, countAttempt = true }): SettleResult => {
    return { kind: 'retry', dueAt, code, message, countAttempt, unknown }
  }

  if (error.outcome === 'suppressed') {
    return { ...fail('suppressed'), suppress: { address: addressKey(outgoing.message.to), reason: code } }
  }
  if (accountPausedUntil !== null) {
    const { deadline } = outgoing
    if (deadline !== null && accountPausedUntil >= deadline) return fail('account_paused')
    return judged(retryAt(accountPausedUntil, { countAttempt: false }), 'deferred', 'account_paused')
  }
  if (error.outcome === 'permanent') return fail('permanent_failure')
  if (error.outcome === 'transient') {
    if (nextAttempt === null) return fail('retries_exhausted')
    return judged(retryAt(nextAttempt, {}), 'retried', 'transient_failure')
  }
  // One retry for a transport that cannot say, under the same idempotency key; a second silence is held.
  if (outgoing.unknownOutcome === 'retry' && delivery.unknownOutcomes === 0 && nextAttempt !== null) {
    return judged(retryAt(nextAttempt, { unknown: true }), 'retried', 'unknown_retry')
  }
  return judged({ kind: 'unknown', code, message }, 'held', 'unknown_hold')
}
