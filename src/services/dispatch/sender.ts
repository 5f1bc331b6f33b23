import { nextAttempt } from '../../domain/retry.ts'
import { isTransportError, TransportError } from '../../errors.ts'
import type { DeliveryRow, SettleCommand } from '../../ports/storage.ts'
import type { SendReceipt } from '../../ports/transport.ts'
import type { Context } from '../context.ts'
import type { AccountGate } from './account-gate.ts'
import { entryOf, type Outgoing } from './decide.ts'
import { judgeFailure } from './failed-attempt.ts'
import { SendLease } from './send-lease.ts'
import { Settler } from './settler.ts'
import { tellSettled } from './tell.ts'
import { isUnknownAgain } from './unknown-address.ts'
import type { DueWork } from './work.ts'

/** How long an aborted transport may take to say what became of the message. */
const patienceMs = 500

/** An attempt that this process gave up by itself before the message was begun. */
const givenBack = Symbol('given back')

/** What an attempt came to. */
type AttemptOutcome = SendReceipt | TransportError | typeof givenBack

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
  /** Deliveries that are being sent, or whose outcome is not written yet. */
  readonly #held = new Map<number, SendLease>()
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
    const lease = new SendLease(this.#context, delivery, outgoing.lease)
    this.#held.set(delivery.id, lease)
    const outcome = await this.#attempt(delivery.id, outgoing, lease, running)
    this.#gate.release(outgoing.provider)
    const { command, announce } = await this.#judge(due, delivery, outgoing, outcome)
    if (command.result.kind === 'sent') this.unrecorded.add(delivery.id)
    const written = await this.#settler.settle(command)
    if (written !== 'unwritten') this.unrecorded.delete(delivery.id)
    lease.release()
    if (this.#held.get(delivery.id) === lease) this.#held.delete(delivery.id)
    if (written !== 'settled') {
      const facts = { notificationId: delivery.id, outcome: command.result.kind }
      const { logger } = this.#context.options
      // What is not written when this process stops is named by the report of `stop()`.
      if (written === 'late') logger.warn('outcome too late: it was settled, or begun again, by another', facts)
      return
    }
    if (command.result.kind === 'retry' && command.result.waitingFor == null) {
      this.#context.dueAt(command.result.dueAt)
    }
    tellSettled(this.#context, due, delivery, command.result)
    announce()
  }

  /** Whether this process is sending it, or has still to write what became of it. */
  holds(deliveryId: number): boolean {
    return this.#held.has(deliveryId)
  }

  /** Aborts what is being sent. */
  abort(): void {
    for (const lease of this.#leases) lease.abort()
  }

  /** Gives up the outcomes that could not be written. */
  abandon(): void {
    this.#settler.abandon()
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
    const now = () => this.#context.options.clock.now()
    const answered = (async () =>
      receiptOf(await transport.send(message, { account, accountKey, trusted, now, signal })))().catch(
      (error: unknown) => (isTransportError(error) ? error : silence('transport_failed', error)),
    )
    try {
      const outcome = await Promise.race([answered, this.#patience(signal)])
      // Not the provider's failure: it must not cost the message one of its attempts.
      const isOurs = signal.aborted && !lease.tookTooLong
      return isOurs && isTransportError(outcome) && outcome.outcome === 'transient' ? givenBack : outcome
    } finally {
      lease.keep()
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

  async #judge(
    due: DueWork,
    delivery: DeliveryRow,
    outgoing: Outgoing,
    outcome: AttemptOutcome,
  ): Promise<{ command: SettleCommand; announce: () => void }> {
    const { events, options, accounts } = this.#context
    const at = options.clock.now()
    const { id, fence, idempotencyKey } = delivery
    const base = { id, fence, idempotencyKey, at, entries: [], suppress: null }
    const { provider, probe } = outgoing
    const { to } = outgoing.message
    if (outcome === givenBack) {
      if (probe !== null) accounts.giveBack(probe)
      // At once, and it costs no attempt: nothing was tried.
      return { command: { ...base, result: { kind: 'retry', dueAt: at, ...notBegun } }, announce: () => {} }
    }
    if (!isTransportError(outcome)) {
      await accounts.proven(provider, to)
      const dueAt = due.reminder?.reminderTime ?? delivery.createdAt
      const lateMs = Math.max(0, at.getTime() - dueAt.getTime())
      const result = { kind: 'sent', providerMessageId: outcome.messageId, lateMs } as const
      return { command: { ...base, result }, announce: () => {} }
    }
    const { code, message, retryAfterMs } = outcome
    const isUnknown = outcome.outcome === 'unknown'
    const refused = isUnknown ? null : refusedBy(outcome, to)
    const paused =
      refused === null
        ? null
        : await accounts.refused(provider, delivery, { ...refused, code, message, retryAfterMs, probe })
    if (paused === null && outcome.accountProven) await accounts.proven(provider, to)
    const { result, suppress, action, rule } = judgeFailure({
      error: outcome,
      delivery,
      outgoing,
      nextAttempt: this.#next(delivery, outgoing, outcome, at),
      isExhausted: delivery.attempts > options.retry.maxRetries,
      paused,
      isUnknownAgain: await isUnknownAgain(this.#context, outcome, delivery, to, at),
      at,
    })
    const entries = [{ ...entryOf(due, action, rule, code), notificationId: delivery.id }]
    const { organizationId } = delivery
    return {
      command: { ...base, result, suppress, entries },
      announce: () => {
        if (paused !== null) events.emit('error', { code, message, organizationId })
      },
    }
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

/** The message was accepted, whatever a transport in plain JavaScript resolves with: nothing, or an id that is no text. */
function receiptOf(answer: unknown): SendReceipt | TransportError {
  if (isTransportError(answer)) return answer
  const id: unknown = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'messageId') : null
  return { messageId: typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint' ? String(id) : null }
}

/**
 * What the provider refused beyond the message; null: the message alone. A destination that the address does not begin with
 * would never be found well again, since no message is ever to it.
 */
function refusedBy({ scope, destination }: TransportError, to: string): { readonly destination: string | null } | null {
  if (scope === 'account') return { destination: null }
  return scope === 'sender' && destination && to.startsWith(destination) ? { destination } : null
}

const silence = (code: string, cause?: unknown): TransportError =>
  new TransportError('The transport failed in a way that says nothing about the message.', {
    outcome: 'unknown',
    code,
    cause,
  })
