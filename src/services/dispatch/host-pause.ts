import type { NotificationError } from '../../errors.ts'
import type { Context } from '../context.ts'

/** The first pause, and the longest, in ms; each is twice as long as the one before. */
const firstMs = 1000
const longestMs = 60_000

/** A host that answers for nobody is left alone for a while, longer each time: nothing is sent, and nothing costs an attempt. */
export class HostPause {
  readonly #context: Context
  #failures = 0
  /** By the clock's `elapsedMs`. */
  #until = Number.NEGATIVE_INFINITY

  constructor(context: Context) {
    this.#context = context
  }

  /** How long it lasts yet, in ms; 0: there is none. */
  get leftMs(): number {
    return Math.max(0, this.#until - this.#context.options.clock.elapsedMs())
  }

  begin({ code, message }: NotificationError): void {
    if (this.leftMs > 0) return
    const { clock, logger } = this.#context.options
    const pauseMs = Math.min(longestMs, firstMs * 2 ** this.#failures)
    this.#failures += 1
    this.#until = clock.elapsedMs() + pauseMs
    logger.warn('directory unavailable; messages wait', { code, pauseMs })
    this.#context.events.emit('error', { code, message, organizationId: null })
  }

  /** The host answers: the next pause is a short one again. */
  answered(): void {
    this.#failures = 0
  }
}
