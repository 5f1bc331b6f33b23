import type { RateLimiterPostgres, RateLimiterRedis } from 'rate-limiter-flexible'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import { faultOf } from '../services/shared/fault-log.ts'
import { withTimeout } from '../services/shared/with-timeout.ts'
import type { IoredisLike, NodeRedisLike, PostgresPoolLike, RateLimitStore } from './rate-limit-options.ts'

/** Counts requests in windows. */
export interface RateCounter {
  /** Adds one, atomically. `count`: requests in the current window, which begins with its first request; `leftMs`: until it ends. */
  add(key: string, windowSeconds: number): Promise<Counted>
  /** As it is; null: nothing was counted in a window that has not ended. */
  read(key: string): Promise<Counted | null>
}
type Counted = { readonly count: number; readonly leftMs: number }

/** How long a store may take, and how long it is not used after it failed, in ms. */
const patienceMs = 500
const pauseMs = 5000
const openWithinMs = 10_000

/** Counts in the store, or in this process if there is none or while it fails. */
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

/** How often expired windows are removed. */
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
    async read(key) {
      const known = windows.get(key)
      const leftMs = (known?.endsAt ?? 0) - clock.elapsedMs()
      return known === undefined || leftMs <= 0 ? null : { count: known.count, leftMs }
    },
  }
}

/**
 * Loaded with the first count: the package calls `require('node:cluster')`, which fails in a bundle of ES modules, and without
 * shared counts it is not needed.
 */
const limiters = () => import('rate-limiter-flexible')

type Limiter = Pick<RateLimiterRedis | RateLimiterPostgres, 'penalty' | 'get'>

/** Only the counting of the limiters is used: the caller of the counter applies the limits. */
const shared = { keyPrefix: 'appointment-notifications', points: 0, duration: 1 }

const counterOf = (limiter: Limiter): RateCounter => ({
  async add(key, windowSeconds) {
    const { consumedPoints, msBeforeNext } = await limiter.penalty(key, 1, { customDuration: windowSeconds })
    return { count: consumedPoints, leftMs: msBeforeNext }
  },
  async read(key) {
    const found = await limiter.get(key)
    return found === null ? null : { count: found.consumedPoints, leftMs: found.msBeforeNext }
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
        // Otherwise ioredis would keep requests waiting until it reconnects.
        rejectIfRedisNotReady: true,
      }),
    )
  })

/** If two processes create the table at the same moment, Postgres refuses one of them in spite of `if not exists`. */
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

/** Opened by the first request, and again by a later one if that failed: the store need not be up at start. */
function openedByFirst(clock: Clock, open: () => Promise<RateCounter>): RateCounter {
  let opened: Promise<RateCounter> | null = null
  /** An attempt that takes too long counts as failed, and a later request opens the store anew. */
  const opening = (): Promise<RateCounter> => {
    const late = (): never => {
      throw new DOMException('The store did not open in time.', 'TimeoutError')
    }
    return withTimeout(clock, openWithinMs, open(), late)
  }
  const counter = async () => {
    opened ??= opening().catch((error: unknown) => {
      opened = null
      throw error
    })
    return opened
  }
  return {
    add: async (key, windowSeconds) => (await counter()).add(key, windowSeconds),
    read: async (key) => (await counter()).read(key),
  }
}

/** The package's own fallback is silent and waits for a store that hangs; this one logs, and has a time limit. */
function insured(store: RateCounter, memory: RateCounter, clock: Clock, logger: Logger): RateCounter {
  let isFailing = false
  let pausedUntil = 0
  async function asked<T>(ask: (counter: RateCounter) => Promise<T>): Promise<T> {
    const now = clock.elapsedMs()
    if (now < pausedUntil) return ask(memory)
    try {
      const counted = await withTimeout(clock, patienceMs, ask(store), tooLate)
      if (isFailing) logger.info('rate limit store works again')
      isFailing = false
      return counted
    } catch (error) {
      const fault = faultOf(error)
      logger.warn('rate limit store failed; requests are counted in this process until it works again', { fault })
      isFailing = true
      pausedUntil = now + pauseMs
      return ask(memory)
    }
  }
  return {
    add: (key, windowSeconds) => asked((counter) => counter.add(key, windowSeconds)),
    read: (key) => asked((counter) => counter.read(key)),
  }
}

function tooLate(): never {
  throw new DOMException('The store did not answer in time.', 'TimeoutError')
}
