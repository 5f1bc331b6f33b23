import { createHash } from 'node:crypto'
import { NotificationError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import { type Caller, callerKey } from './access.ts'
import type { RateClass, ResolvedRateLimits } from './rate-limit-options.ts'
import { createRateCounter } from './rate-limit-store.ts'

/**
 * Limits how often a caller may call each class of rows. Only known callers who may use the row are counted:
 * - not those of open rows: a stranger could use up the budget of the load balancer that checks health;
 * - not callbacks: a forged token costs one HMAC and its body is not read, and with a budget shared by all strangers, any of
 *   them could block genuine reports. Floods of those have to be stopped in front of the library, by address;
 * - not requests without credentials: they end at `authenticate`, which has to limit guessing itself.
 */
export interface RateLimiter {
  /**
   * Counts a request. Calls `setHeaders` with headers of the response, refused or not: `RateLimit-Policy` and `RateLimit`
   * (draft-ietf-httpapi-ratelimit-headers), and `Retry-After` in seconds if it is refused.
   * @throws NotificationError `rate_limited`.
   */
  admit(rateClass: RateClass, caller: Caller, setHeaders: SetHeaders): Promise<void>
  /**
   * Counts a request by a link of a message, and refuses whoever tried too many tokens that are none. Rightful use is limited by link alone: a
   * clinic, or the scanner of a mail provider, sends all of its people from one address.
   * @throws NotificationError `rate_limited`.
   */
  admitLink(token: string, sender: string | null, setHeaders: SetHeaders): Promise<void>
  /** Counts a token that is none for who sent it, where that is known. */
  missLink(sender: string | null): Promise<void>
}

type SetHeaders = (headers: Readonly<Record<string, string>>) => void

/** In a minute: enough for a person and every program that looks at the link before them. */
const perLink = 30
/** Of tokens that are none: links that were mistyped, revoked or of another server. */
const missesPerSender = 120
const linkSeconds = 60

export function createRateLimiter(limits: ResolvedRateLimits, clock: Clock, logger: Logger): RateLimiter {
  const counter = createRateCounter(limits.store, clock, logger)
  return {
    async admit(rateClass, caller, setHeaders) {
      const limit = limits[caller.kind === 'service' ? 'service' : 'members'][rateClass]
      if (limit === false) return
      const { points, durationSeconds } = limit
      const { count, leftMs } = await counter.add(`${rateClass}:${digestOf(caller)}`, durationSeconds)
      const seconds = Math.max(1, Math.ceil(leftMs / 1000))
      setHeaders({
        'ratelimit-policy': `"${rateClass}";q=${points};w=${durationSeconds}`,
        ratelimit: `"${rateClass}";r=${Math.max(0, points - count)};t=${seconds}`,
      })
      if (count <= points) return
      setHeaders({ 'retry-after': String(seconds) })
      throw new NotificationError(
        'rate_limited',
        `The limit is ${points} requests of the class "${rateClass}" in ${durationSeconds} s. Try again in ${seconds} s.`,
      )
    },
    async admitLink(token, sender, setHeaders) {
      const refuse = ({ leftMs }: { readonly leftMs: number }): never => {
        setHeaders({ 'retry-after': String(Math.max(1, Math.ceil(leftMs / 1000))) })
        throw new NotificationError('rate_limited', 'Too many requests for links. Try again later.')
      }
      const missed = sender === null ? null : await counter.read(missKey(sender))
      // Whoever is refused for guessing uses up no link of somebody else, nor a counter for each guess.
      if (missed !== null && missed.count >= missesPerSender) refuse(missed)
      const used = await counter.add(`link:${sha256(token)}`, linkSeconds)
      if (used.count > perLink) refuse(used)
    },
    async missLink(sender) {
      if (sender !== null) await counter.add(missKey(sender), linkSeconds)
    },
  }
}

const missKey = (sender: string): string => `links-of:${sha256(sender)}`

/** A digest, because a host's ids may be anything, even e-mail addresses, and others may be able to read the store. */
const digestOf = (caller: Caller): string => sha256(callerKey(caller))

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')
