import { isTransportError, TransportError } from '../../errors.ts'
import type { DeliveryRow, SettleCommand } from '../../ports/storage.ts'
import { asTraceContext } from '../../ports/trace-context.ts'
import type { SendReceipt, Transport } from '../../ports/transport.ts'
import type { Watched } from '../shared/accounts/account-health.ts'
import type { Context } from '../shared/context.ts'
import type { StopReport } from '../shared/shutdown.ts'
import type { AccountCapacity } from './account-capacity.ts'
import type { Outgoing, SentAlong } from './decisions.ts'
import { emitEnding } from './delivery-events.ts'
import { addressOf, attemptFailed } from './failed-attempt.ts'
import { unreportedMsOf } from './fallbacks.ts'
import { settledAlong } from './one-message.ts'
import { SendLease } from './send-lease.ts'
import { Settler } from './settler.ts'
import { webhookUrl } from './webhook-accounts.ts'
import { type DueWork, wantedAt } from './work.ts'

/** How long an aborted transport may take to return the outcome of the send. */
const patienceMs = 500

/** An attempt that this process gave up by itself before the message was begun. */
const givenBack = Symbol('given back')

/** How an attempt ended. */
type AttemptOutcome = SendReceipt | TransportError | typeof givenBack

const notBegun = {
  code: 'lease_over',
  message: 'The lease had expired, or the process was stopping, before sending began.',
  countAttempt: false,
  unknown: false,
} as const

/** Sends what an intent was committed for, within its lease, and settles the outcome. */
export class Sender {
  readonly #context: Context
  readonly #capacity: Pick<AccountCapacity, 'begin' | 'release'>
  readonly #settler: Settler
  readonly #ended: (underWay: number) => void
  /** What is under way, with the ids of the deliveries. */
  readonly #sending = new Map<Promise<void>, number>()
  readonly #leases = new Set<SendLease>()
  /** Deliveries that are being sent, or whose outcome is not written yet. */
  readonly #held = new Map<number, SendLease>()
  /** Deliveries that the provider accepted, and that are not recorded yet. */
  readonly #unrecorded = new Set<number>()

  /** `ended`: called when the place of a send is free again, with how many are still under way. */
  constructor(
    context: Context,
    capacity: Pick<AccountCapacity, 'begin' | 'release'>,
    ended: (underWay: number) => void,
  ) {
    this.#context = context
    this.#capacity = capacity
    this.#ended = ended
    this.#settler = new Settler(context, () => this.#leases.size)
  }

  /** Where `running` is false, `stop()` came meanwhile, and the attempt is aborted as it begins. */
  send(
    due: DueWork,
    delivery: DeliveryRow,
    outgoing: Outgoing,
    running: boolean,
    together: readonly DeliveryRow[] = [],
  ): void {
    const sending = this.#send(due, delivery, outgoing, running, together).finally(() => this.#sending.delete(sending))
    this.#sending.set(sending, delivery.id)
  }

  /** Resolves when nothing of it is under way any more. */
  async rest(): Promise<void> {
    await Promise.all(this.#sending.keys())
  }

  /** What is under way: messages that were accepted and not recorded, and messages with no outcome yet. */
  get left(): Pick<StopReport, 'unrecorded' | 'unfinished'> {
    const unfinished = [...this.#sending.values()].filter((id) => !this.#unrecorded.has(id))
    return { unrecorded: [...this.#unrecorded], unfinished }
  }

  /** Never rejects. The place of the account is free again, and the outcome written, when it resolves. */
  async #send(
    due: DueWork,
    delivery: DeliveryRow,
    outgoing: Outgoing,
    running: boolean,
    together: readonly DeliveryRow[],
  ): Promise<void> {
    const lease = new SendLease(this.#context, delivery, outgoing.lease)
    this.#held.set(delivery.id, lease)
    const ends = together.map((row) => this.#takeAlong(row, outgoing))
    this.#capacity.begin(outgoing.provider)
    const watched = this.#watch(delivery, outgoing)
    const outcome = await this.#attempt(due, delivery.id, outgoing, lease, running)
    if (outcome === givenBack) watched?.dropped()
    else watched?.ended(isTransportError(outcome) ? outcome : null)
    this.#capacity.release(outgoing.provider)
    const { command, announce } = await this.#settlementOf(due, delivery, outgoing, outcome)
    const along = together.flatMap((row, index) => {
      const one = outgoing.companions?.[index]
      if (one === undefined) return []
      const isUnreported = unreportedMsOf(one.fallback) !== null
      return { one, row, command: settledAlong(this.#context, one, row, command, isUnreported) }
    })
    const whole = along.length === 0 ? command : { ...command, along: along.map((other) => other.command) }
    if (command.result.kind === 'sent') this.#unrecorded.add(delivery.id)
    // Before the outcome is stored, and after a pause of the account is known: what begins next is committed together with it.
    this.#ended(this.#leases.size)
    const [written, ...theirs] = await this.#settler.settle(whole)
    for (const end of ends) end()
    for (const [index, { one, row, command }] of along.entries()) {
      if (theirs[index] === 'settled') this.#endedAlong(one, row, command)
    }
    if (written !== 'unwritten') this.#unrecorded.delete(delivery.id)
    lease.release()
    if (this.#held.get(delivery.id) === lease) this.#held.delete(delivery.id)
    if (written !== 'settled') {
      const facts = { notificationId: delivery.id, outcome: command.result.kind }
      const { logger } = this.#context.options
      // What is not written when this process stops is named by the report of `stop()`.
      if (written === 'late')
        logger.warn('result too late: another worker has stored one, or sends the message again', facts)
      return
    }
    if (command.result.kind === 'retry' && command.result.waitingFor === undefined) {
      this.#context.dueAt(command.result.dueAt)
    }
    if (command.fallback) {
      const laterMs = command.result.kind === 'sent' ? (unreportedMsOf(command.fallback) ?? 0) : 0
      this.#context.dueAt(new Date(command.at.getTime() + laterMs))
    }
    emitEnding(this.#context, delivery, due.reminder, command.result)
    announce()
  }

  /** Another reminder that goes out in the message: kept from other workers until it is settled. */
  #takeAlong(row: DeliveryRow, { lease }: Outgoing): () => void {
    const own = new SendLease(this.#context, row, lease)
    this.#held.set(row.id, own)
    own.hold()
    own.keep()
    return () => {
      own.release()
      if (this.#held.get(row.id) === own) this.#held.delete(row.id)
    }
  }

  #endedAlong({ due }: SentAlong, row: DeliveryRow, { result, fallback, at }: SettleCommand): void {
    if (result.kind === 'retry') this.#context.dueAt(result.dueAt)
    if (fallback) this.#context.dueAt(at)
    emitEnding(this.#context, row, due.reminder, result)
  }

  /** Null where there is no other account that could send in its place. */
  #watch(delivery: DeliveryRow, { provider, senders, probe }: Outgoing): Watched | null {
    return senders.length === 1 ? null : this.#context.accounts.watch(provider, delivery, probe)
  }

  /** Whether this process is sending it, or has not stored its outcome yet. */
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
    { reminder }: DueWork,
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
    const message = {
      ...outgoing.message,
      notificationId,
      reminderId: reminder?.id ?? null,
      traceContext: reminder?.traceContext ?? null,
    }
    const { clock, publicUrl } = this.#context.options
    const now = () => clock.now()
    const receiptUrl = webhookUrl(publicUrl, outgoing.provider, message.channel)
    // A transport that does not answer when it is aborted must not keep its place in the account, nor `stop()` waiting.
    const outcome = await new Promise<SendReceipt | TransportError>((resolve) => {
      lease.onAbort(() => void clock.after(patienceMs, () => resolve(silence('transport_silent'))))
      void answerOf(transport, message, { account, accountKey, trusted, receiptUrl, now, signal }).then(resolve)
    })
    lease.keep()
    this.#leases.delete(lease)
    // Not the provider's failure: it must not cost the message one of its attempts.
    const isOurs = signal.aborted && !lease.tookTooLong
    return isOurs && isTransportError(outcome) && outcome.outcome === 'transient' ? givenBack : outcome
  }

  async #settlementOf(
    due: DueWork,
    delivery: DeliveryRow,
    outgoing: Outgoing,
    outcome: AttemptOutcome,
  ): Promise<{ command: SettleCommand; announce: () => void }> {
    const { events, options, accounts } = this.#context
    const at = options.clock.now()
    const { id, fence, idempotencyKey, organizationId } = delivery
    const base = { id, fence, idempotencyKey, at }
    const { provider, probe } = outgoing
    const nothing = () => {}
    if (outcome === givenBack) {
      if (probe !== null) accounts.giveBack(probe)
      // At once, and it costs no attempt: nothing was tried.
      const result = { kind: 'retry', dueAt: at, ...notBegun } as const
      return { command: { ...base, entries: [], address: null, result }, announce: nothing }
    }
    if (!isTransportError(outcome)) {
      await accounts.proven(provider, outgoing.message.to, probe)
      const lateMs = Math.max(0, at.getTime() - wantedAt(due).getTime())
      const { messageId, traceContext } = outcome
      const sent = { kind: 'sent', providerMessageId: messageId, lateMs } as const
      const result = traceContext == null ? sent : { traceContext, ...sent }
      const address = { ...addressOf(delivery, provider, outgoing.message.to), news: { kind: 'worked' } } as const
      const fallback = unreportedMsOf(outgoing.fallback) === null ? null : outgoing.fallback
      return { command: { ...base, entries: [], result, address, fallback }, announce: nothing }
    }
    const { isPause, news, ...settlement } = await attemptFailed(this.#context, due, delivery, outgoing, outcome, at)
    const { code, message } = outcome
    const announce = () => events.emit('error', { code, message, organizationId })
    const address = news === null ? null : { news, ...addressOf(delivery, provider, outgoing.message.to) }
    const fallback = settlement.result.kind === 'failed' ? outgoing.fallback : null
    return { command: { address, fallback, ...base, ...settlement }, announce: isPause ? announce : nothing }
  }
}

/** What the transport says, whatever it does. */
async function answerOf(
  transport: Transport,
  ...given: Parameters<Transport['send']>
): Promise<SendReceipt | TransportError> {
  try {
    return receiptOf(await transport.send(...given))
  } catch (error) {
    return isTransportError(error) ? error : silence('transport_failed', error)
  }
}

/** The message was accepted, whatever a transport in plain JavaScript resolves with: nothing, or an id that is no text. */
function receiptOf(answer: unknown): SendReceipt | TransportError {
  if (isTransportError(answer)) return answer
  const given = typeof answer === 'object' && answer !== null ? answer : {}
  const id: unknown = Reflect.get(given, 'messageId')
  return {
    messageId: typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint' ? String(id) : null,
    traceContext: asTraceContext(Reflect.get(given, 'traceContext')),
  }
}

const silence = (code: string, cause?: unknown): TransportError =>
  new TransportError('The transport failed in a way that says nothing about the message.', {
    outcome: 'unknown',
    code,
    cause,
  })
