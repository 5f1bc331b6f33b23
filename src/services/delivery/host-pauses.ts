import type { NotificationError } from '../../errors.ts'
import type { Context } from '../shared/context.ts'

/** The first pause of all, and the longest, in ms; each is twice as long as the one before. */
const firstMs = 1000
const longestMs = 60_000
/** Subjects of an organization that fail by themselves and wait in this process; those beyond wait in their rows. */
const mostSubjects = 100
/** Wait before asking again where nobody says how long, in ms. */
const defaultWaitMs = 1000

/**
 * What the host is not asked about for a while, since it did not answer: a subject, an organization, or anything at all.
 * Nothing of it is sent meanwhile, and nothing costs an attempt. Times are by the clock's `elapsedMs`.
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

  /** For how long yet the host is asked nothing, in ms; 0: it may be asked. */
  get leftMs(): number {
    return Math.max(0, this.#until - this.#now)
  }

  /** It answers for nobody. */
  begin({ code, message }: NotificationError): void {
    if (this.leftMs > 0) return
    const pauseMs = Math.min(longestMs, firstMs * 2 ** this.#failures)
    this.#failures += 1
    this.#until = this.#now + pauseMs
    this.#context.options.logger.warn('directory unavailable, work put off', { code, pauseMs })
    this.#context.events.emit('error', { code, message, organizationId: null })
  }

  /** It answers: the next pause of all is a short one again. */
  answered(): void {
    this.#failures = 0
  }

  isPutOff(organizationId: string): boolean {
    return (this.#organizations.get(organizationId) ?? Number.NEGATIVE_INFINITY) > this.#now
  }

  /** It does not answer for the organization. */
  putOff(organizationId: string, { code, message, retryAfterMs = defaultWaitMs }: NotificationError): void {
    if (this.isPutOff(organizationId)) return
    this.#organizations.set(organizationId, this.#now + retryAfterMs)
    this.#context.events.emit('error', { code, message, organizationId })
  }

  isHeld(subject: string): boolean {
    return this.#subjects.has(subject)
  }

  /** `Infinity`: until it is held for another time. */
  hold(subject: string, organizationId: string, ms = defaultWaitMs): void {
    this.#subjects.set(subject, { until: this.#now + ms, organizationId })
  }

  /** So many of the organization fail each by itself that they would hide the others if they stayed due. */
  isCrowded(organizationId: string): boolean {
    let held = 0
    for (const one of this.#subjects.values()) if (one.organizationId === organizationId) held += 1
    return held >= mostSubjects
  }

  /** When a subject or an organization may be asked about again, in ms; `Infinity`: none waits. */
  get waitMs(): number {
    let first = Number.POSITIVE_INFINITY
    for (const until of this.#organizations.values()) first = Math.min(first, until)
    for (const { until } of this.#subjects.values()) first = Math.min(first, until)
    return Math.max(0, first - this.#now)
  }

  /** Forgets what is over. */
  purge(): void {
    const now = this.#now
    for (const [subject, { until }] of this.#subjects) if (until <= now) this.#subjects.delete(subject)
    for (const [organizationId, until] of this.#organizations) {
      if (until <= now) this.#organizations.delete(organizationId)
    }
  }
}
