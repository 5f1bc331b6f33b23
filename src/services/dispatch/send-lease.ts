import type { DeliveryRow } from '../../ports/storage.ts'
import { type Context, faultOf } from '../context.ts'

/** No send begins with less of its lease left: its outcome could not be written in time. */
export const leastLeaseMs = 2000
/** A renewal that the database refused is tried again so soon. */
const retryMs = 1000

/**
 * The lease of one send: renewed at half of its time while the send goes on, so that it may take longer than a lease,
 * and a worker that died is still found out within one. Ends the attempt when it has taken `sendTimeoutMs`, when the lease
 * could not be renewed in time, and at once when another worker has the delivery.
 */
export class SendLease {
  readonly #context: Context
  readonly #delivery: Pick<DeliveryRow, 'id' | 'fence'>
  readonly #attempt = new AbortController()
  #until: Date
  #endsAt = new Date(0)
  #cancelEnd = () => {}
  #cancelRenewal = () => {}
  #isHeld = false
  #tookTooLong = false

  constructor(context: Context, delivery: Pick<DeliveryRow, 'id' | 'fence'>, until: Date) {
    this.#context = context
    this.#delivery = delivery
    this.#until = until
  }

  /** Aborted when the send must end. */
  get signal(): AbortSignal {
    return this.#attempt.signal
  }

  get until(): Date {
    return this.#until
  }

  /** True if it ended for want of time, and not because this process stood still, stops, or lost the delivery to another. */
  get tookTooLong(): boolean {
    return this.#tookTooLong
  }

  get isAlmostOver(): boolean {
    return this.#until.getTime() - this.#context.options.clock.now().getTime() < leastLeaseMs
  }

  hold(): void {
    const { clock, sendTimeoutMs } = this.#context.options
    this.#isHeld = true
    this.#endsAt = new Date(clock.now().getTime() + sendTimeoutMs)
    this.#arm()
  }

  release(): void {
    this.#isHeld = false
    this.#cancelEnd()
    this.#cancelRenewal()
  }

  abort(): void {
    this.#attempt.abort()
  }

  #arm(): void {
    const { clock, leaseMs } = this.#context.options
    const isLast = this.#endsAt.getTime() <= this.#until.getTime() - leastLeaseMs / 2
    const end = isLast ? this.#endsAt : new Date(this.#until.getTime() - leastLeaseMs / 2)
    this.#cancelEnd()
    this.#cancelEnd = clock.setTimer(end, () => {
      this.#tookTooLong = isLast
      this.abort()
    })
    this.#renewAt(new Date(this.#until.getTime() - leaseMs / 2))
  }

  #renewAt(at: Date): void {
    if (at >= this.#endsAt) return
    this.#cancelRenewal = this.#context.options.clock.setTimer(at, () => void this.#renew())
  }

  async #renew(): Promise<void> {
    const { storage, clock, leaseMs, logger } = this.#context.options
    const now = clock.now()
    const leaseUntil = new Date(now.getTime() + leaseMs)
    try {
      const [isOurs] = await storage.deliveries.renew([{ ...this.#delivery, leaseUntil }])
      if (!this.#isHeld) return
      if (isOurs !== true) return this.abort()
      this.#until = leaseUntil
      this.#arm()
    } catch (error) {
      logger.warn('lease not renewed', { notificationId: this.#delivery.id, fault: faultOf(error) })
      if (this.#isHeld) this.#renewAt(new Date(now.getTime() + retryMs))
    }
  }
}
