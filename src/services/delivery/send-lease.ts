import { isNotificationError } from '../../errors.ts'
import type { DeliveryRow } from '../../ports/storage.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'

/** No send begins with less of its lease left: its outcome could not be written in time. */
export const leastLeaseMs = 2000
/** A renewal that the database refused is tried again so soon. */
const retryMs = 1000

/** `from`: when it was asked for, by the clock's `elapsedMs`; `until`: the end as stored in the row. */
export type LeaseTime = { readonly from: number; readonly until: Date }

/**
 * The lease of one send, measured by this process' steady clock from before it was asked for: renewed at half of its time
 * as long as the send goes on and its outcome is not written, so that both may take longer than a lease, and a worker that
 * died is still found out. Ends the attempt when it has taken `sendTimeoutMs`, when the lease could not be renewed in
 * time, and at once when another worker has the delivery.
 */
export class SendLease {
  readonly #context: Context
  readonly #delivery: Pick<DeliveryRow, 'id' | 'fence'>
  readonly #attempt = new AbortController()
  #time: LeaseTime
  #endsAt = Number.POSITIVE_INFINITY
  #cancelEnd = () => {}
  #cancelRenewal = () => {}
  #aborted = () => {}
  #phase: 'waiting' | 'sending' | 'settling' | 'over' = 'waiting'
  #tookTooLong = false

  constructor(context: Context, delivery: Pick<DeliveryRow, 'id' | 'fence'>, time: LeaseTime) {
    this.#context = context
    this.#delivery = delivery
    this.#time = time
  }

  /** Aborted when the send must end. */
  get signal(): AbortSignal {
    return this.#attempt.signal
  }

  /** True if it ended for want of time, and not because this process stood still, stops, or lost the delivery to another. */
  get tookTooLong(): boolean {
    return this.#tookTooLong
  }

  get isAlmostOver(): boolean {
    return this.#leftMs() < leastLeaseMs
  }

  hold(): void {
    const { clock, sendTimeoutMs } = this.#context.options
    this.#phase = 'sending'
    this.#endsAt = clock.elapsedMs() + sendTimeoutMs
    this.#arm()
  }

  /** The attempt is over. The delivery stays this worker's until its outcome is written. */
  keep(): void {
    this.#cancelEnd()
    if (this.#phase === 'sending') this.#phase = 'settling'
  }

  release(): void {
    this.#phase = 'over'
    this.#cancelEnd()
    this.#cancelRenewal()
  }

  abort(): void {
    if (this.signal.aborted) return
    this.#attempt.abort()
    this.#aborted()
  }

  /** Calls back when the send must end, at once if it must already. A listener of the signal costs a message several times as much. */
  onAbort(callback: () => void): void {
    if (this.signal.aborted) callback()
    else this.#aborted = callback
  }

  #leftMs(): number {
    const { clock, leaseMs } = this.#context.options
    return this.#time.from + leaseMs - clock.elapsedMs()
  }

  #arm(): void {
    const { clock, leaseMs } = this.#context.options
    this.#cancelEnd()
    if (this.#phase === 'sending') {
      const [timeLeftMs, leaseLeftMs] = [this.#endsAt - clock.elapsedMs(), this.#leftMs() - leastLeaseMs / 2]
      const isLast = timeLeftMs <= leaseLeftMs
      this.#cancelEnd = clock.after(isLast ? timeLeftMs : leaseLeftMs, () => {
        this.#tookTooLong = isLast
        this.abort()
      })
    }
    this.#renewIn(this.#leftMs() - leaseMs / 2)
  }

  #renewIn(ms: number): void {
    this.#cancelRenewal = this.#context.options.clock.after(ms, () => void this.#renew())
  }

  async #renew(): Promise<void> {
    const { storage, clock, leaseMs, logger } = this.#context.options
    const [from, at] = [clock.elapsedMs(), clock.now()]
    // Whoever watches must see a change, also where the clock was set back by just as much as has passed.
    const end = at.getTime() + leaseMs
    const until = new Date(end === this.#time.until.getTime() ? end + 1 : end)
    try {
      const [isOurs] = await storage.deliveries.renew([{ ...this.#delivery, leaseUntil: until, at }])
      if (this.#phase === 'over') return
      if (isOurs !== true) return this.abort()
      this.#time = { from, until }
      this.#arm()
    } catch (error) {
      if (this.#phase === 'sending')
        logger.warn('renewing a lease failed', { notificationId: this.#delivery.id, fault: faultOf(error) })
      const isClosed = isNotificationError(error) && error.code === 'storage_closed'
      if (this.#phase !== 'over' && !isClosed) this.#renewIn(retryMs)
    }
  }
}
