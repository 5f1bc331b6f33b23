import { NotificationError } from '../../../errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Logger } from '../../../ports/logger.ts'
import type { DirectoryMethodName } from './method.ts'

/** How long an organization that failed or was slow is requested separately, in ms, so that it does not delay the others again. */
const apartMs = 5 * 60_000
/** The first and the longest wait after the directory failed for an organization, in ms; each is twice as long as the one before. */
const firstWaitMs = 1000
const longestWaitMs = 60_000
/** How many organizations are remembered; beyond that, the oldest are requested together with the others again. */
const maxRemembered = 10_000

type Fault = {
  /** Failures in a row. 0: it works, though slowly or not for all ids. */
  failures: number
  error: NotificationError | null
  since: Date
  /** By the clock's `elapsedMs`. */
  retryAt: number
  apartUntil: number
  isAsking: boolean
}

/** How to request an organization; `not_now` comes with the error to return. */
export type Standing =
  | { readonly kind: 'together' }
  | { readonly kind: 'apart' }
  | { readonly kind: 'not_now'; readonly error: NotificationError }

/** An organization for which a method fails. */
export type OrganizationFault = { readonly organizationId: string; readonly since: Date; readonly message: string }

/** The organizations for which one method of the directory fails or is slow. */
export class OrganizationFaults {
  readonly #method: DirectoryMethodName
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #organizationFaults = new Map<string, Fault>()

  constructor(method: DirectoryMethodName, clock: Clock, logger: Logger) {
    this.#method = method
    this.#clock = clock
    this.#logger = logger
  }

  /** `eager`: even before its wait is over. */
  standing(organizationId: string | null, eager: boolean): Standing {
    const fault = organizationId === null ? undefined : this.#organizationFaults.get(organizationId)
    if (organizationId === null || fault === undefined) return { kind: 'together' }
    const now = this.#clock.elapsedMs()
    if (fault.failures === 0 && now >= fault.apartUntil) {
      this.#organizationFaults.delete(organizationId)
      return { kind: 'together' }
    }
    const waitMs = fault.retryAt - now
    if (fault.failures === 0 || eager || (waitMs <= 0 && !fault.isAsking)) return { kind: 'apart' }
    return { kind: 'not_now', error: retriedIn(fault.error, Math.max(waitMs, firstWaitMs)) }
  }

  /** Requests an organization separately; one that fails is requested by one caller at a time. */
  async asking<T>(organizationId: string | null, ask: () => Promise<T>): Promise<T> {
    const fault = organizationId === null ? undefined : this.#organizationFaults.get(organizationId)
    if (fault === undefined) return ask()
    fault.isAsking = true
    try {
      return await ask()
    } finally {
      fault.isAsking = false
    }
  }

  /** Notes that the directory failed for the organization. Returns the error with the wait before the next call. */
  failed(organizationId: string, error: NotificationError): NotificationError {
    const fault = this.#apart(organizationId)
    const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** fault.failures)
    fault.failures += 1
    fault.error = error
    fault.retryAt = this.#clock.elapsedMs() + waitMs
    const about = { organizationId, method: this.#method, waitMs }
    this.#logger.warn('directory fails for an organization; its messages wait', about)
    return retriedIn(error, waitMs)
  }

  /** The organization is slow, or one of its ids fails: it is requested separately from then on. */
  keepApart(organizationId: string | null): void {
    if (organizationId !== null) this.#apart(organizationId)
  }

  /** Ends all waits. */
  retryNow(): void {
    for (const fault of this.#organizationFaults.values()) fault.retryAt = this.#clock.elapsedMs()
  }

  answered(organizationId: string | null): void {
    const fault = organizationId === null ? undefined : this.#organizationFaults.get(organizationId)
    if (fault === undefined || fault.failures === 0) return
    fault.failures = 0
    this.#logger.info('directory works for the organization again', { organizationId, method: this.#method })
  }

  get failing(): OrganizationFault[] {
    return [...this.#organizationFaults].flatMap(([organizationId, { failures, since, error }]) =>
      failures === 0 ? [] : [{ organizationId, since, message: error?.message ?? '' }],
    )
  }

  #apart(organizationId: string): Fault {
    let fault = this.#organizationFaults.get(organizationId)
    if (fault === undefined) {
      const [oldest] = this.#organizationFaults.keys()
      if (this.#organizationFaults.size >= maxRemembered && oldest !== undefined)
        this.#organizationFaults.delete(oldest)
      fault = { failures: 0, error: null, since: this.#clock.now(), retryAt: 0, apartUntil: 0, isAsking: false }
      this.#organizationFaults.set(organizationId, fault)
    }
    if (fault.failures === 0) fault.since = this.#clock.now()
    fault.apartUntil = this.#clock.elapsedMs() + apartMs
    return fault
  }
}

function retriedIn(error: NotificationError | null, waitMs: number): NotificationError {
  const { code = 'directory_failed', message = '', cause } = error ?? {}
  return new NotificationError(code, message, { retryAfterMs: Math.ceil(waitMs), cause })
}
