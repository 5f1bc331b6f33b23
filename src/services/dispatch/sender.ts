import { addressKey } from '../../domain/effective.ts'
import { nextAttempt } from '../../domain/retry.ts'
import { isTransportError, TransportError } from '../../errors.ts'
import type { DeliveryRow, SettleCommand, SettleResult } from '../../ports/storage.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import type { DecisionAction, Rule } from '../../schemas/vocabulary.ts'
import type { Context } from '../context.ts'
import type { AccountGate } from './account-gate.ts'
import type { Outgoing } from './decide.ts'
import { SendLease } from './send-lease.ts'
import { Settler } from './settler.ts'
import { tellSettled } from './tell.ts'
import type { DueWork } from './work.ts'

/** How long an aborted transport may take to say what became of the message. */
const patienceMs = 500

/** Sends what an intent was committed for, within its lease, and settles the outcome. */
export class Sender {
  readonly #context: Context
  readonly #gate: AccountGate
  readonly #settler: Settler
  readonly #leases = new Set<SendLease>()

  constructor(context: Context, gate: AccountGate) {
    this.#context = context
    this.#gate = gate
    this.#settler = new Settler(context, () => this.#leases.size)
  }

  /**
   * Never rejects. The slot of the account is free again when it resolves. Where `running` is false, `stop()` came
   * meanwhile, and the attempt is aborted as it begins.
   */
  async send(due: DueWork, delivery: DeliveryRow, outgoing: Outgoing, running: boolean): Promise<void> {
    const lease = new SendLease(this.#context, delivery, outgoing.leaseUntil)
    const outcome = await this.#attempt(outgoing, lease, running)
    this.#gate.release(outgoing.provider)
    const { command, announce } = this.#judge(due, delivery, outgoing, outcome)
    const applied = await this.#settler.settle(command, lease.until)
    if (!applied) {
      this.#context.options.logger.warn('outcome not written: the delivery is no longer held', { id: delivery.id })
      return
    }
    if (command.result.kind === 'retry') this.#context.dueAt(command.result.dueAt)
    tellSettled(this.#context, due, delivery, command.result)
    announce()
  }

  /** Aborts what is being sent. */
  abort(): void {
    for (const lease of this.#leases) lease.abort()
  }

  async #attempt(
    { provider, message }: Outgoing,
    lease: SendLease,
    running: boolean,
  ): Promise<{ messageId: string | null } | TransportError> {
    if (lease.isAlmostOver) return givenBack()
    this.#leases.add(lease)
    lease.hold()
    if (!running) lease.abort()
    const { signal } = lease
    const { account, accountKey, trusted, transport } = provider
    const answered = (async () => transport.send(message, { account, accountKey, trusted, signal }))().catch(
      (error: unknown) => (isTransportError(error) ? error : silence('transport_failed', error)),
    )
    try {
      const outcome = await Promise.race([answered, this.#patience(signal)])
      // Not the provider's failure: it must not cost the message one of its attempts.
      const isOurs = signal.aborted && !lease.tookTooLong
      return isOurs && isTransportError(outcome) && outcome.outcome === 'transient' ? givenBack() : outcome
    } finally {
      lease.release()
      this.#leases.delete(lease)
    }
  }

  /** A transport that does not answer when it is aborted must not keep its place in the account, nor `stop()` waiting. */
  #patience(signal: AbortSignal): Promise<TransportError> {
    const { clock } = this.#context.options
    return new Promise((resolve) => {
      const giveUp = () => {
        clock.setTimer(new Date(clock.now().getTime() + patienceMs), () => resolve(silence('transport_silent')))
      }
      if (signal.aborted) giveUp()
      else signal.addEventListener('abort', giveUp, { once: true })
    })
  }

  #judge(
    due: DueWork,
    delivery: DeliveryRow,
    outgoing: Outgoing,
    outcome: { messageId: string | null } | TransportError,
  ): { command: SettleCommand; announce: () => void } {
    const at = this.#context.options.clock.now()
    const { id, fence } = delivery
    const base = { id, fence, at, entries: [], suppress: null }
    const silent = () => {}
    if (!isTransportError(outcome)) {
      this.#gate.accepted(outgoing.provider)
      const dueAt = due.reminder?.reminderTime ?? delivery.createdAt
      const lateMs = Math.max(0, at.getTime() - dueAt.getTime())
      const result = { kind: 'sent', providerMessageId: outcome.messageId, lateMs } as const
      return { command: { ...base, result }, announce: silent }
    }
    const { code, message } = outcome
    const decided = (action: DecisionAction, rule: Rule): readonly DecisionEntry[] => [
      {
        action,
        rule,
        category: delivery.category,
        recipient: delivery.recipient,
        channel: delivery.channel,
        notificationId: id,
        ...(due.reminder === null ? {} : { reminderId: due.reminder.id, offset: due.reminder.offset }),
        detail: code,
      },
    ]
    const failed: SettleResult = { kind: 'failed', code, message }
    const retry = (dueAt: Date, countAttempt: boolean, unknown: boolean): SettleResult => {
      return { kind: 'retry', dueAt, code, message, countAttempt, unknown }
    }
    if (code === 'lease_over') {
      return { command: { ...base, result: retry(at, false, false) }, announce: silent }
    }
    if (outcome.outcome === 'suppressed') {
      const suppress = { address: addressKey(outgoing.message.to), reason: code }
      return {
        command: { ...base, result: failed, entries: decided('failed', 'suppressed'), suppress },
        announce: silent,
      }
    }
    if (outcome.scope === 'account' && outcome.outcome !== 'unknown') {
      const until = this.#gate.refused(outgoing.provider, at)
      const inTime = outgoing.deadline === null || until.getTime() < outgoing.deadline.getTime()
      const entries = inTime ? decided('deferred', 'account_paused') : decided('failed', 'account_paused')
      const { organizationId } = delivery
      return {
        command: { ...base, result: inTime ? retry(until, false, false) : failed, entries },
        announce: () => this.#context.events.emit('error', { code, message, organizationId }),
      }
    }
    if (outcome.outcome === 'permanent') {
      return { command: { ...base, result: failed, entries: decided('failed', 'permanent_failure') }, announce: silent }
    }
    const next = this.#next(delivery, outgoing, outcome, at)
    if (outcome.outcome === 'transient') {
      if (next === null) {
        return {
          command: { ...base, result: failed, entries: decided('failed', 'retries_exhausted') },
          announce: silent,
        }
      }
      const entries = decided('retried', 'transient_failure')
      return { command: { ...base, result: retry(next, true, false), entries }, announce: silent }
    }
    // One retry for a transport that cannot say, under the same idempotency key; a second silence is held.
    if (outgoing.unknownOutcome === 'retry' && delivery.unknownOutcomes === 0 && next !== null) {
      const entries = decided('retried', 'unknown_retry')
      return { command: { ...base, result: retry(next, true, true), entries }, announce: silent }
    }
    const result = { kind: 'unknown', code, message } as const
    return { command: { ...base, result, entries: decided('held', 'unknown_hold') }, announce: silent }
  }

  #next(delivery: DeliveryRow, outgoing: Outgoing, failure: TransportError, now: Date): Date | null {
    const { retry: policy, random } = this.#context.options
    const { retryAfterMs } = failure
    return nextAttempt({
      policy,
      attempts: delivery.attempts,
      now,
      deadline: outgoing.deadline,
      random: random(),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
  }
}

const givenBack = (): TransportError =>
  new TransportError('The lease was over, or this process stops, before the message was begun.', {
    outcome: 'transient',
    code: 'lease_over',
  })

const silence = (code: string, cause?: unknown): TransportError =>
  new TransportError('The transport failed in a way that says nothing about the message.', {
    outcome: 'unknown',
    code,
    cause,
  })
