import { z } from 'zod'
import { definedOnly } from '../schemas/defined.ts'

/**
 * Classes of endpoints: `reading` only reads; `changing` writes settings, preferences, templates or plans; `sending` creates
 * messages. Each caller has a separate limit for each class, so that polling does not use up the limit for sending.
 */
export const rateClasses = ['reading', 'changing', 'sending'] as const
/**
 * Class of endpoints: `reading` only reads; `changing` writes settings, preferences, templates or plans; `sending` creates
 * messages.
 */
export type RateClass = (typeof rateClasses)[number]

/** At most `points` requests (1 to 1000000000) in `durationSeconds` (1 to 86400), counted from the first of them. */
export type RateLimit = { readonly points: number; readonly durationSeconds: number }

/** The limit of each class. False: no limit. A class left out keeps its default. */
export type RateLimits = {
  /** Requests that only read. Default 600 a minute. */
  readonly reading?: RateLimit | false
  /** Requests that change settings, preferences, templates or plans. Default 120 a minute. */
  readonly changing?: RateLimit | false
  /** Requests that create messages. Default 60 a minute. */
  readonly sending?: RateLimit | false
}

/** The part of an ioredis client that is used. */
export type IoredisLike = { defineCommand(name: string, definition: { lua: string; numberOfKeys?: number }): void }
/** The part of a connected node-redis client (4 or later) that is used. */
export type NodeRedisLike = {
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}
/** The part of a `pg` pool that is used. */
export type PostgresPoolLike = {
  query(statement: { name?: string; text: string; values?: unknown[] }): Promise<{ rows: unknown[] }>
}

/**
 * Where several processes share their counts. You connect and close the client yourself. In Postgres the counts are in
 * `table` (default `notification_rate_limits`), which is created if it is missing.
 */
export type RateLimitStore =
  | { readonly redis: IoredisLike | NodeRedisLike }
  | { readonly postgres: PostgresPoolLike; readonly table?: string }

/** How often callers may use the endpoints: per class, for services, and where the counts are kept. */
export type RateLimitOptions = RateLimits & {
  /** Limits of callers of kind `service`, which act for many users. Default: ten times those of others. False: no limits. */
  readonly service?: RateLimits | false
  /** Default: each process counts for itself, in memory. */
  readonly store?: RateLimitStore
}

type Budgets = { readonly [Class in RateClass]: RateLimit | false }

/** Options with every default filled in. */
export type ResolvedRateLimits = {
  readonly members: Budgets
  readonly service: Budgets
  readonly store: RateLimitStore | null
}

const aMinute = (points: number): RateLimit => ({ points, durationSeconds: 60 })
const memberDefaults: Budgets = { reading: aMinute(600), changing: aMinute(120), sending: aMinute(60) }
const serviceDefaults: Budgets = { reading: aMinute(6000), changing: aMinute(1200), sending: aMinute(600) }
const unlimited: Budgets = { reading: false, changing: false, sending: false }

export function resolveRateLimits(options: RateLimitOptions | false): ResolvedRateLimits | null {
  if (options === false) return null
  const { service = {}, store = null, ...members } = options
  return {
    members: { ...memberDefaults, ...definedOnly(members) },
    service: service === false ? unlimited : { ...serviceDefaults, ...definedOnly(service) },
    store,
  }
}

const limit = z.union([
  z.literal(false),
  // At most a day: Node's timers overflow after 24 days, and a longer window is a quota, not a rate limit.
  z.strictObject({ points: z.int().min(1).max(1_000_000_000), durationSeconds: z.int().min(1).max(86_400) }),
])
const limits = { reading: limit.optional(), changing: limit.optional(), sending: limit.optional() }
const client = (method: string, message: string) =>
  z.custom<object>(
    (value) => typeof value === 'object' && value !== null && typeof Reflect.get(value, method) === 'function',
    message,
  )

/** Checks what a host written in JavaScript may get wrong. */
export const rateLimitShape = z.union([
  z.literal(false),
  z.strictObject({
    ...limits,
    service: z.union([z.literal(false), z.strictObject(limits)]).optional(),
    store: z
      .union([
        z.strictObject({ redis: client('eval', 'must be a client of ioredis or node-redis') }),
        z.strictObject({
          postgres: client('query', 'must be a pool of pg'),
          table: z
            .string()
            .regex(
              /^[a-z_][a-z0-9_]{0,62}$/,
              'must be the name of a table: up to 63 small letters, digits and underscores',
            )
            .optional(),
        }),
      ])
      .optional(),
  }),
])
