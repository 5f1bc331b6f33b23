import { addressKey } from '../../domain/effective.ts'
import type { TransportError } from '../../errors.ts'
import type { DeliveryRow, SettleCommand, SettleResult } from '../../ports/storage.ts'
import type { DecisionAction, Rule } from '../../schemas/vocabulary.ts'
import type { Paused } from '../accounts.ts'
import { lastMomentOf, type Outgoing } from './decide.ts'

/** A failed attempt, and what could follow it. */
export type FailedAttempt = {
  readonly error: TransportError
  readonly delivery: DeliveryRow
  readonly outgoing: Outgoing
  /** When the next attempt would be; null if there is none left, or none in time. */
  readonly nextAttempt: Date | null
  /** It was the last attempt that is allowed. */
  readonly isExhausted: boolean
  /** What was refused and is paused; null if the failure is the message's own. */
  readonly paused: Paused | null
  /** Nobody has the address, and that was said on an earlier day too. */
  readonly isUnknownAgain: boolean
  readonly at: Date
}

/** What becomes of the delivery, and the decision to record with it. */
export type Judgement = Pick<SettleCommand, 'result' | 'suppress'> & {
  readonly action: DecisionAction
  readonly rule: Rule
}

export function judgeFailure(attempt: FailedAttempt): Judgement {
  const { error, delivery, outgoing, nextAttempt, isExhausted, paused, isUnknownAgain, at } = attempt
  const { code, message } = error
  const judged = (result: SettleResult, action: DecisionAction, rule: Rule): Judgement => {
    return { result, action, rule, suppress: null }
  }
  const fail = (rule: Rule) => judged({ kind: 'failed', code, message }, 'failed', rule)
  const tooLate = () =>
    judged(
      { kind: 'failed', code: 'too_late', message: `Not sent in time (${code}): ${message}` },
      'failed',
      'too_late',
    )
  const retryAt = (dueAt: Date, { unknown = false }): SettleResult => {
    return { kind: 'retry', dueAt, code, message, countAttempt: true, unknown }
  }

  if (error.outcome === 'suppressed' || isUnknownAgain) {
    return { ...fail('suppressed'), suppress: { address: addressKey(outgoing.message.to), reason: code } }
  }
  if (paused !== null) {
    const { waitingFor, rule } = paused
    const dueAt = lastMomentOf(outgoing.deadline, at)
    if (dueAt <= at) return tooLate()
    const result = { kind: 'retry', dueAt, code, message, countAttempt: false, unknown: false, waitingFor } as const
    return judged(result, 'deferred', rule)
  }
  if (error.outcome === 'permanent') return fail('permanent_failure')
  if (error.outcome === 'transient') {
    if (isExhausted) return fail('retries_exhausted')
    return nextAttempt === null ? tooLate() : judged(retryAt(nextAttempt, {}), 'retried', 'transient_failure')
  }
  // One retry for a transport that cannot say, under the same idempotency key; a second silence is held.
  if (outgoing.unknownOutcome === 'retry' && delivery.unknownOutcomes === 0 && nextAttempt !== null) {
    return judged(retryAt(nextAttempt, { unknown: true }), 'retried', 'unknown_retry')
  }
  return judged({ kind: 'unknown', code, message }, 'held', 'unknown_hold')
}
