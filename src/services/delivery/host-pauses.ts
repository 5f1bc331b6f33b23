import type { NotificationError } from '../../errors.ts'
import type { Context } from '../shared/context.ts'

/** The first pause of all, and the longest, in ms; each is twice as long as the one before. */
const firstMs = 1000
const longestMs = 60_000
/** How many failing subjects of an organization wait in this process; further ones are put off in their rows. */
const mostSubjects = 100
/** The pause of a subject or organization if the directory names none, in ms. */
const defaultWaitMs = 1000

/**
 * Pauses of calls to the directory after it failed: for a subject, an organization, or everything. Meanwhile nothing of theirs is
 * sent, and no attempt is used up. Times are by the clock's `elapsedMs`.
 */
export class HostPauses {
  readonly #context: Context
  readonly #subjects = new Map<string, { readonly until: number; readonly organizationId: string }>()
  readonly #organizations = new Map<string, number>()
  #until = Number.NEGATIVE_INFINITY
  #failures = 0

  constructor(context: Context) {
    this.#context = context
  }

  get #now(): number {
    return this.#context.options.clock.elapsedMs()
  }

  /** How long the directory is not called at all, in ms; 0: it may be called. */
  get leftMs(): number {
    return Math.max(0, this.#until - this.#now)
  }

  /** The directory fails for everything. */
  begin({ code, message }: NotificationError): void {
    if (this.leftMs > 0) return
    const pauseMs = Math.min(longestMs, firstMs * 2 ** this.#failures)
    this.#failures += 1
    this.#until = this.#now + pauseMs
    this.#context.options.logger.warn('directory unavailable, work put off', { code, pauseMs })
    this.#context.events.emit('error', { code, message, organizationId: null })
  }

  /** The directory works: the next pause of everything is a short one again. */
  answered(): void {
    this.#failures = 0
  }

  isPutOff(organizationId: string): boolean {
    return (this.#organizations.get(organizationId) ?? Number.NEGATIVE_INFINITY) > this.#now
  }

  /** The directory fails for this organization. */
  putOff(organizationId: string, { code, message, retryAfterMs = defaultWaitMs }: NotificationError): void {
    if (this.isPutOff(organizationId)) return
    this.#organizations.set(organizationId, this.#now + retryAfterMs)
    this.#context.events.emit('error', { code, message, organizationId })
  }

  isPaused(subject: string): boolean {
    return this.#subjects.has(subject)
  }

  /** `Infinity`: until `pause` is called again. */
  pause(subject: string, organizationId: string, ms = defaultWaitMs): void {
    this.#subjects.set(subject, { until: this.#now + ms, organizationId })
  }

  /** So many subjects of the organization fail that they would fill its pages of due rows: further ones are put off in their rows. */
  isCrowded(organizationId: string): boolean {
    let paused = 0
    for (const one of this.#subjects.values()) if (one.organizationId === organizationId) paused += 1
    return paused >= mostSubjects
  }

  /** When the first pause of a subject or organization ends, in ms; `Infinity`: there is none. */
  get waitMs(): number {
    let first = Number.POSITIVE_INFINITY
    for (const until of this.#organizations.values()) first = Math.min(first, until)
    for (const { until } of this.#subjects.values()) first = Math.min(first, until)
    return Math.max(0, first - this.#now)
  }

  /** Removes pauses that are over. */
  purge(): void {
    const now = this.#now
    for (const [subject, { until }] of this.#subjects) if (until <= now) this.#subjects.delete(subject)
    for (const [organizationId, until] of this.#organizations) {
      if (until <= now) this.#organizations.delete(organizationId)
    }
  }
}
