import { nextAttempt } from '../../domain/retry.ts'
import { isTransportError, TransportError } from '../../errors.ts'
import type { DeliveryRow, SettleCommand } from '../../ports/storage.ts'
import type { Context } from '../context.ts'
import { type Provider, sourceOf } from '../providers.ts'
import type { AccountGate } from './account-gate.ts'
import { entryOf, type Outgoing } from './decide.ts'
import { judgeFailure } from './failed-attempt.ts'
import { SendLease } from './send-lease.ts'
import { Settler } from './settler.ts'
import { tellSettled } from './tell.ts'
import type { DueWork } from './work.ts'

/** How long an aborted transport may take to say what became of the message. */
const patienceMs = 500

/** An attempt that this process gave up by itself before the message was begun. */
const givenBack = Symbol('given back')

/** What an attempt came to. */
type AttemptOutcome = { readonly messageId: string | null } | TransportError | typeof givenBack

const notBegun = {
  code: 'lease_over',
  message: 'The lease was over, or this process stops, before the message was begun.',
  countAttempt: false,
  unknown: false,
} as const

/** Sends what an intent was committed for, within its lease, and settles the outcome. */
export class Sender {
  readonly #context: Context
  readonly #gate: AccountGate
  readonly #settler: Settler
  readonly #leases = new Set<SendLease>()
  /** Deliveries that the provider accepted, and that are not recorded yet. */
  readonly unrecorded = new Set<number>()

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
    const outcome = await this.#attempt(delivery.id, outgoing, lease, running)
    this.#gate.release(outgoing.provider)
    const { command, announce } = this.#judge(due, delivery, outgoing, outcome)
    if (command.result.kind === 'sent') this.unrecorded.add(delivery.id)
    const applied = await this.#settler.settle(command, lease.until)
    this.unrecorded.delete(delivery.id)
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
    notificationId: number,
    outgoing: Outgoing,
    lease: SendLease,
    running: boolean,
  ): Promise<AttemptOutcome> {
    if (lease.isAlmostOver) return givenBack
    this.#leases.add(lease)
    lease.hold()
    if (!running) lease.abort()
    const { signal } = lease
    const { account, accountKey, trusted, transport } = outgoing.provider
    const message = { notificationId, ...outgoing.message }
    const answered = (async () => transport.send(message, { account, accountKey, trusted, signal }))().catch(
      (error: unknown) => (isTransportError(error) ? error : silence('transport_failed', error)),
    )
    try {
      const outcome = await Promise.race([answered, this.#patience(signal)])
      // Not the provider's failure: it must not cost the message one of its attempts.
      const isOurs = signal.aborted && !lease.tookTooLong
      return isOurs && isTransportError(outcome) && outcome.outcome === 'transient' ? givenBack : outcome
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
        clock.after(patienceMs, () => resolve(silence('transport_silent')))
      }
      if (signal.aborted) giveUp()
      else signal.addEventListener('abort', giveUp, { once: true })
    })
  }

  #judge(
    due: DueWork,
    delivery: DeliveryRow,
    outgoing: Outgoing,
    outcome: AttemptOutcome,
  ): { command: SettleCommand; announce: () => void } {
    const { events, options } = this.#context
    const at = options.clock.now()
    const base = { id: delivery.id, fence: delivery.fence, at, entries: [], suppress: null }
    if (outcome === givenBack) {
      // At once, and it costs no attempt: nothing was tried.
      return { command: { ...base, result: { kind: 'retry', dueAt: at, ...notBegun } }, announce: () => {} }
    }
    if (!isTransportError(outcome)) {
      this.#gate.accepted(outgoing.provider)
      const dueAt = due.reminder?.reminderTime ?? delivery.createdAt
      const lateMs = Math.max(0, at.getTime() - dueAt.getTime())
      const result = { kind: 'sent', providerMessageId: outcome.messageId, lateMs } as const
      return { command: { ...base, result }, announce: () => {} }
    }
    const { code, message } = outcome
    const stopsAccount =
      outcome.scope === 'account' && (outcome.outcome === 'permanent' || outcome.outcome === 'transient')
    const { result, suppress, action, rule } = judgeFailure({
      error: outcome,
      delivery,
      outgoing,
      nextAttempt: this.#next(delivery, outgoing, outcome, at),
      accountPausedUntil: stopsAccount ? this.#stop(outgoing.provider, delivery, code, at) : null,
    })
    const entries = [{ ...entryOf(due, action, rule, code), notificationId: delivery.id }]
    const { organizationId } = delivery
    return {
      command: { ...base, result, suppress, entries },
      announce: () => {
        if (stopsAccount) events.emit('error', { code, message, organizationId })
      },
    }
  }

  /** Stops the account, and says so once a pause, not for every message that meets it. */
  #stop(provider: Provider, { organizationId, channel }: DeliveryRow, code: string, at: Date): Date {
    const { until, isNew } = this.#gate.refused(provider, code, at)
    if (isNew) {
      const facts = { organizationId, channel, code, account: sourceOf(provider), until: until.toISOString() }
      this.#context.options.logger.warn('account paused: nothing is sent through it until then', facts)
    }
    return until
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

const silence = (code: string, cause?: unknown): TransportError =>
  new TransportError('The transport failed in a way that says nothing about the message.', {
    outcome: 'unknown',
    code,
    cause,
  })
