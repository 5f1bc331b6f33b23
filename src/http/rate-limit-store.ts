import type { RateLimiterPostgres, RateLimiterRedis } from 'rate-limiter-flexible'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import { faultOf } from '../services/shared/fault-log.ts'
import { withTimeout } from '../services/shared/with-timeout.ts'
import type { IoredisLike, NodeRedisLike, PostgresPoolLike, RateLimitStore } from './rate-limit-options.ts'

/** Counts requests in windows. */
export interface RateCounter {
  /** Adds one, atomically. `count` is of the window under way, which begins with the first request; `leftMs` is left of it. */
  add(key: string, windowSeconds: number): Promise<{ readonly count: number; readonly leftMs: number }>
}

/** How long a store may take to answer; and how long it is left alone after it failed, in ms. */
const patienceMs = 500
const pauseMs = 5000
const openWithinMs = 10_000

/** Of the store, if there is one; and of this process alone where there is none, or while it fails. */
export function createRateCounter(store: RateLimitStore | null, clock: Clock, logger: Logger): RateCounter {
  const memory = memoryCounter(clock)
  if (store === null) return memory
  return insured(
    'redis' in store ? redisCounter(store.redis, clock) : postgresCounter(store, clock),
    memory,
    clock,
    logger,
  )
}

/** How often windows that are over are forgotten. */
const sweepMs = 60_000

function memoryCounter(clock: Clock): RateCounter {
  const windows = new Map<string, { count: number; readonly endsAt: number }>()
  let sweptAt = 0
  return {
    async add(key, windowSeconds) {
      const now = clock.elapsedMs()
      if (now - sweptAt >= sweepMs) {
        for (const [other, { endsAt }] of windows) if (endsAt <= now) windows.delete(other)
        sweptAt = now
      }
      const known = windows.get(key)
      const current =
        known !== undefined && known.endsAt > now ? known : { count: 0, endsAt: now + windowSeconds * 1000 }
      current.count += 1
      windows.set(key, current)
      return { count: current.count, leftMs: current.endsAt - now }
    },
  }
}

/**
 * Loaded with the first count: as a whole the package needs `node:cluster` by a `require` that a bundle of ES modules does not
 * have, and where nobody shares counts nothing of it is needed.
 */
const limiters = () => import('rate-limiter-flexible')

type Limiter = Pick<RateLimiterRedis | RateLimiterPostgres, 'penalty'>

/** The limits themselves are judged by the caller of the counter: of the limiters only the counting is used. */
const shared = { keyPrefix: 'appointment-notifications', points: 0, duration: 1 }

const counterOf = (limiter: Limiter): RateCounter => ({
  async add(key, windowSeconds) {
    const { consumedPoints, msBeforeNext } = await limiter.penalty(key, 1, { customDuration: windowSeconds })
    return { count: consumedPoints, leftMs: msBeforeNext }
  },
})

const redisCounter = (client: IoredisLike | NodeRedisLike, clock: Clock): RateCounter =>
  openedByFirst(clock, async () => {
    const { RateLimiterRedis } = await limiters()
    return counterOf(
      new RateLimiterRedis({
        ...shared,
        storeClient: client,
        useRedisPackage: !('defineCommand' in client),
        // Else ioredis would keep requests waiting until it is connected again.
        rejectIfRedisNotReady: true,
      }),
    )
  })

/** Of two processes that make the table at the same moment Postgres refuses one, in spite of `if not exists`. */
const isMadeByAnother = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['23505', '42P07', '42710'].includes(String(error.code))

function postgresCounter(
  store: { readonly postgres: PostgresPoolLike; readonly table?: string },
  clock: Clock,
): RateCounter {
  const open = async () => {
    const { RateLimiterPostgres } = await limiters()
    return new Promise<RateCounter>((resolve, reject) => {
      const limiter = new RateLimiterPostgres(
        {
          ...shared,
          storeClient: store.postgres,
          storeType: 'pool',
          tableName: store.table ?? 'notification_rate_limits',
        },
        (error) => (error === undefined ? resolve(counterOf(limiter)) : reject(error)),
      )
    })
  }
  return openedByFirst(clock, () =>
    open().catch((error: unknown) => {
      if (isMadeByAnother(error)) return open()
      throw error
    }),
  )
}

/** Opened by the first request, and again by a later one if that failed: the store need not be up when we start. */
function openedByFirst(clock: Clock, open: () => Promise<RateCounter>): RateCounter {
  let opened: Promise<RateCounter> | null = null
  /** One that is not open by then hangs, and is opened anew by a later request. */
  const opening = (): Promise<RateCounter> => {
    const late = (): never => {
      throw new DOMException('The store did not open in time.', 'TimeoutError')
    }
    return withTimeout(clock, openWithinMs, open(), late)
  }
  return {
    async add(key, windowSeconds) {
      opened ??= opening().catch((error: unknown) => {
        opened = null
        throw error
      })
      return (await opened).add(key, windowSeconds)
    },
  }
}

/** The limiters' own insurance falls back without a word and waits for a store that hangs; this one does neither. */
function insured(store: RateCounter, memory: RateCounter, clock: Clock, logger: Logger): RateCounter {
  let isFailing = false
  let pausedUntil = 0
  return {
    async add(key, windowSeconds) {
      const now = clock.elapsedMs()
      if (now < pausedUntil) return memory.add(key, windowSeconds)
      try {
        const counted = await withTimeout(clock, patienceMs, store.add(key, windowSeconds), tooLate)
        if (isFailing) logger.info('rate limit store works again')
        isFailing = false
        return counted
      } catch (error) {
        const fault = faultOf(error)
        logger.warn('rate limit store failed; requests are counted in this process until it works again', { fault })
        isFailing = true
        pausedUntil = now + pauseMs
        return memory.add(key, windowSeconds)
      }
    },
  }
}

function tooLate(): never {
  throw new DOMException('The store did not answer in time.', 'TimeoutError')
}
