import { createHash } from 'node:crypto'
import { NotificationError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import { type Caller, callerKey } from './access.ts'
import type { RateClass, ResolvedRateLimits } from './rate-limit-options.ts'
import { createRateCounter } from './rate-limit-store.ts'

/**
 * Limits how often a caller may ask, for each class of rows. Only callers who are known and may use the row are counted:
 * - not those of open rows: a stranger could use up the budget of the load balancer that asks for the health;
 * - not callbacks: a forged token costs one HMAC and no body is read for it, and a budget that all strangers share would
 *   let any of them shut out the true reports. Who sends too many of those is stopped before us, by address;
 * - not requests without credentials: they end at `authenticate`, and limiting guesses is its business.
 */
export interface RateLimiter {
  /**
   * Counts a request. `tell` gets the headers of its answer, whatever becomes of it: `RateLimit-Policy` and `RateLimit`
   * (draft-ietf-httpapi-ratelimit-headers), and `Retry-After` in seconds where it is refused.
   * @throws NotificationError `rate_limited`.
   */
  admit(rateClass: RateClass, caller: Caller, tell: (headers: Readonly<Record<string, string>>) => void): Promise<void>
}

export function createRateLimiter(limits: ResolvedRateLimits, clock: Clock, logger: Logger): RateLimiter {
  const counter = createRateCounter(limits.store, clock, logger)
  return {
    async admit(rateClass, caller, tell) {
      const limit = limits[caller.kind === 'service' ? 'service' : 'members'][rateClass]
      if (limit === false) return
      const { points, durationSeconds } = limit
      const { count, leftMs } = await counter.add(`${rateClass}:${digestOf(caller)}`, durationSeconds)
      const seconds = Math.max(1, Math.ceil(leftMs / 1000))
      tell({
        'ratelimit-policy': `"${rateClass}";q=${points};w=${durationSeconds}`,
        ratelimit: `"${rateClass}";r=${Math.max(0, points - count)};t=${seconds}`,
      })
      if (count <= points) return
      tell({ 'retry-after': String(seconds) })
      throw new NotificationError(
        'rate_limited',
        `The limit is ${points} requests of the class "${rateClass}" in ${durationSeconds} s. Try again in ${seconds} s.`,
      )
    },
  }
}

/** A digest, because ids of hosts may be anything, e-mail addresses too, and the store may be anybody's to read. */
const digestOf = (caller: Caller): string => createHash('sha256').update(callerKey(caller)).digest('base64url')
