import { NotificationError } from '../../../errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Logger } from '../../../ports/logger.ts'
import type { DirectoryMethodName } from './method.ts'

/** Who failed, or was slow, is asked apart for so long after, in ms: it must not hold up the others again. */
const apartMs = 5 * 60_000
/** The first wait of an organization that is not answered for, and the longest; each is twice as long as the one before. */
const firstWaitMs = 1000
const longestWaitMs = 60_000
/** Organizations that are remembered; of more than that the oldest are asked together with the others again. */
const mostRemembered = 10_000

type Trouble = {
  /** In a row. 0: something is answered, if slowly or not all of it. */
  failures: number
  error: NotificationError | null
  since: Date
  /** By the clock's `elapsedMs`. */
  retryAt: number
  apartUntil: number
  isAsking: boolean
}

/** How an organization is to be asked about; `not_now` comes with the error that is to be told. */
export type Standing =
  | { readonly kind: 'together' }
  | { readonly kind: 'apart' }
  | { readonly kind: 'not_now'; readonly error: NotificationError }

/** An organization of which a method answers nothing. */
export type OrganizationFault = { readonly organizationId: string; readonly since: Date; readonly message: string }

/** The organizations that one method of the directory does not answer for, or not in time. */
export class Troubles {
  readonly #method: DirectoryMethodName
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #troubles = new Map<string, Trouble>()

  constructor(method: DirectoryMethodName, clock: Clock, logger: Logger) {
    this.#method = method
    this.#clock = clock
    this.#logger = logger
  }

  /** `eager`: also before its wait is over, for somebody who has news of it. */
  standing(organizationId: string | null, eager: boolean): Standing {
    const trouble = organizationId === null ? undefined : this.#troubles.get(organizationId)
    if (organizationId === null || trouble === undefined) return { kind: 'together' }
    const now = this.#clock.elapsedMs()
    if (trouble.failures === 0 && now >= trouble.apartUntil) {
      this.#troubles.delete(organizationId)
      return { kind: 'together' }
    }
    const waitMs = trouble.retryAt - now
    if (trouble.failures === 0 || eager || (waitMs <= 0 && !trouble.isAsking)) return { kind: 'apart' }
    return { kind: 'not_now', error: retriedIn(trouble.error, Math.max(waitMs, firstWaitMs)) }
  }

  /** Asks about an organization that is asked apart; one that fails is asked by one at a time. */
  async asking<T>(organizationId: string | null, ask: () => Promise<T>): Promise<T> {
    const trouble = organizationId === null ? undefined : this.#troubles.get(organizationId)
    if (trouble === undefined) return ask()
    trouble.isAsking = true
    try {
      return await ask()
    } finally {
      trouble.isAsking = false
    }
  }

  /** Nothing is answered for the organization. Returns the error to tell, with the wait before it is asked again. */
  failed(organizationId: string, error: NotificationError): NotificationError {
    const trouble = this.#apart(organizationId)
    const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** trouble.failures)
    trouble.failures += 1
    trouble.error = error
    trouble.retryAt = this.#clock.elapsedMs() + waitMs
    const about = { organizationId, method: this.#method, waitMs }
    this.#logger.warn('directory fails for an organization; its messages wait', about)
    return retriedIn(error, waitMs)
  }

  /** It is slow, or one of its ids fails: it is asked apart from then on. */
  keepApart(organizationId: string | null): void {
    if (organizationId !== null) this.#apart(organizationId)
  }

  /** Nobody is waited for any longer. */
  retryNow(): void {
    for (const trouble of this.#troubles.values()) trouble.retryAt = this.#clock.elapsedMs()
  }

  answered(organizationId: string | null): void {
    const trouble = organizationId === null ? undefined : this.#troubles.get(organizationId)
    if (trouble === undefined || trouble.failures === 0) return
    trouble.failures = 0
    this.#logger.info('directory works for the organization again', { organizationId, method: this.#method })
  }

  get failing(): OrganizationFault[] {
    return [...this.#troubles].flatMap(([organizationId, { failures, since, error }]) =>
      failures === 0 ? [] : [{ organizationId, since, message: error?.message ?? '' }],
    )
  }

  #apart(organizationId: string): Trouble {
    let trouble = this.#troubles.get(organizationId)
    if (trouble === undefined) {
      const [oldest] = this.#troubles.keys()
      if (this.#troubles.size >= mostRemembered && oldest !== undefined) this.#troubles.delete(oldest)
      trouble = { failures: 0, error: null, since: this.#clock.now(), retryAt: 0, apartUntil: 0, isAsking: false }
      this.#troubles.set(organizationId, trouble)
    }
    if (trouble.failures === 0) trouble.since = this.#clock.now()
    trouble.apartUntil = this.#clock.elapsedMs() + apartMs
    return trouble
  }
}

function retriedIn(error: NotificationError | null, waitMs: number): NotificationError {
  const { code = 'directory_failed', message = '', cause } = error ?? {}
  return new NotificationError(code, message, { retryAfterMs: Math.ceil(waitMs), cause })
}
