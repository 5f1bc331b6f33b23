/**
 * When a failed call or delivery is tried again. The n-th retry waits `baseMs * factor ** (n - 1)` ms, at most `maxMs`; half
 * of each wait is random.
 */
export type RetryPolicy = {
  /** Retries after the first attempt; 0: none; `Infinity`: as many as fit before the deadline. */
  readonly maxRetries: number
  /** The wait before the first retry, in ms. */
  readonly baseMs: number
  /** Factor by which each wait is longer than the previous one. */
  readonly factor: number
  /** The longest wait, in ms. */
  readonly maxMs: number
}

/** About 30 s, 2 min and 8 min after each failure, then 15 min, for as long as the message is useful. */
export const defaultRetryPolicy: RetryPolicy = {
  maxRetries: Number.POSITIVE_INFINITY,
  baseMs: 30_000,
  factor: 4,
  maxMs: 900_000,
}

/** How long before the deadline a failed message is tried a last time, in ms. */
export const lastTryMs = 30_000

export type NextAttemptInput = {
  readonly policy: RetryPolicy
  /** Attempts begun so far, 1 or more. */
  readonly attempts: number
  readonly now: Date
  /** No attempt begins at or after this, since the message is no longer useful. Null: no deadline. */
  readonly deadline: Date | null
  /** The wait the provider asked for, in ms; respected even beyond `maxMs`. */
  readonly retryAfterMs?: number
  /** From 0 to 1. */
  readonly random: number
}

/**
 * When to try again; null if the retries are used up or the deadline leaves no room. Half of the wait is fixed, half is random,
 * so that messages that failed together are not retried together. A wait that would end past the deadline
 * ends half a minute before it, as a last try, unless the provider asked for a longer wait.
 */
// No library: p-retry and its like wrap a running promise; a wait that must survive a restart is a row with a due time.
export function nextAttempt(input: NextAttemptInput): Date | null {
  const { policy, attempts, now, deadline, random } = input
  if (attempts > policy.maxRetries) return null
  const half = Math.min(policy.baseMs * policy.factor ** (attempts - 1), policy.maxMs) / 2
  const asked = input.retryAfterMs ?? 0
  const earliest = now.getTime() + Math.max(half, Number.isNaN(asked) ? 0 : asked)
  const latest = deadline === null ? earliest + half : Math.min(earliest + half, deadline.getTime() - 1)
  if (latest < earliest) return lastTry(input)
  const at = new Date(earliest + random * (latest - earliest))
  // A provider that asks to wait for 300,000 years means never.
  return Number.isNaN(at.getTime()) ? null : at
}

function lastTry({ now, deadline, retryAfterMs = 0 }: NextAttemptInput): Date | null {
  if (deadline === null) return null
  const at = deadline.getTime() - lastTryMs
  return at > now.getTime() && at >= now.getTime() + retryAfterMs ? new Date(at) : null
}

/** `Retry-After` in ms from now: seconds, or an HTTP date (RFC 9110, 10.2.3). Undefined for anything else. */
export function retryAfterMsOf(header: unknown, now = Date.now()): number | undefined {
  if (typeof header !== 'string') return undefined
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

const dayMs = 86_400_000

/** When what is counted by UTC day begins anew. */
export const nextUtcDay = (now: Date): Date => new Date((Math.floor(now.getTime() / dayMs) + 1) * dayMs)
