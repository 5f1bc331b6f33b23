import { ConnectTimeout, isBroken, isUnanswered } from './errors.ts'
import { answerLimitMs, type Limits, sessionSettings } from './limits.ts'
import { discard, ignore, runOn, type Source } from './source.ts'
import type { PgClient, PgPool } from './vendor.ts'

/** What is known of a connection of the pool. */
type Known = { readonly isPrepared: boolean; answeredAt: number }

/** A connection that did not answer for so long may be dead without a word, and is asked before it is relied on. */
const trustedMs = 5000
/** One that is well answers within this time; of another it costs little to be without. */
const probeLimitMs = 1000
/** A host's pool with fewer connections than this keeps none for listening: it would hold up everybody else. */
const fewest = 3

/**
 * By callback, because it is called at once: between a promise and what follows it the connection may break, and nobody
 * would be listening. A connection that comes too late goes back.
 */
const checkOut = (pool: PgPool, limitMs: number): Promise<PgClient> =>
  new Promise((resolve, reject) => {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      reject(new ConnectTimeout(limitMs))
    }, limitMs)
    pool.connect((error, client) => {
      clearTimeout(timer)
      if (isLate) return client?.release()
      // A connection that breaks emits an error on its client too, and an error without a listener ends the process.
      client?.on('error', ignore)
      if (client === undefined) reject(error)
      else resolve(client)
    })
  })

/**
 * Prepares a connection of the library's own. Behind a pooler the server's process is not the one that the connection was
 * told of, and serves others as well: what is set there would reach them, so there each transaction sets its own.
 */
async function prepare(client: PgClient, limits: Limits): Promise<boolean> {
  const settings = sessionSettings(limits)
  const wanted = settings.map((_, index) => `($${index * 2 + 2}::text, $${index * 2 + 3}::text)`).join(', ')
  try {
    const { rows } = await runOn(client, limits.connectTimeoutMs)(
      `select set_config(name, value, false) from (values ${wanted}) as wanted(name, value) where pg_backend_pid() = $1::int`,
      [client.processID ?? null, ...settings.flat()],
    )
    return rows.length > 0
  } catch (error) {
    if (isBroken(error)) throw error
    // A server that knows or allows one of them not: each transaction sets those that it cannot do without.
    return false
  }
}

export type PoolOptions = {
  /** Opened by the library, for nobody else. */
  readonly isOwn: boolean
  readonly end: () => Promise<void>
}

export function poolSource(pool: PgPool, limits: Limits, { isOwn, end }: PoolOptions): Source {
  const known = new WeakMap<PgClient, Known>()
  /** What breaks each connection that is lent. */
  const lent = new Set<() => void>()
  /** When a connection was last found dead: others may have died with it. */
  let suspectedAt = Number.NEGATIVE_INFINITY

  const isTrusted = ({ answeredAt }: Known): boolean =>
    answeredAt > suspectedAt && performance.now() - answeredAt < trustedMs

  /** Makes sure that the connection answers, and has the library's settings where it may. */
  async function check(client: PgClient): Promise<Known> {
    const before = known.get(client)
    if (before !== undefined || !isOwn) await runOn(client, probeLimitMs)('select 1')
    const isPrepared = before?.isPrepared ?? (isOwn && (await prepare(client, limits)))
    const now = { isPrepared, answeredAt: performance.now() }
    known.set(client, now)
    return now
  }

  /** After one fell silent: all that are idle are asked at once, and not one after the other by those who need them. */
  async function sift(): Promise<void> {
    suspectedAt = performance.now()
    const idle = Array.from({ length: pool.idleCount ?? 0 }, () => checkOut(pool, limits.connectTimeoutMs))
    await Promise.allSettled(
      idle.map(async (checkedOut) => {
        const client = await checkedOut
        await check(client).then(
          () => client.release(),
          () => discard(client),
        )
      }),
    )
  }

  async function take(anew = false): Promise<{ readonly client: PgClient; readonly is: Known }> {
    const until = performance.now() + limits.connectTimeoutMs
    for (;;) {
      const client = await checkOut(pool, Math.max(1, until - performance.now()))
      const before = known.get(client)
      if (before !== undefined && !anew && isTrusted(before)) return { client, is: before }
      try {
        return { client, is: await check(client) }
      } catch (error) {
        discard(client)
        if (!isBroken(error) || performance.now() >= until) throw error
      }
    }
  }

  return {
    async session(work, { names, isUnlimited = false } = {}) {
      const { client, is } = await take()
      const isLifted = isUnlimited && is.isPrepared
      let isGone = false
      const give = (destroy: boolean) => {
        if (isGone) return
        isGone = true
        lent.delete(breakOff)
        // One that broke may say so once more, when its socket closes.
        if (destroy) return discard(client)
        client.release()
        client.removeListener('error', ignore)
      }
      const breakOff = () => give(true)
      lent.add(breakOff)
      const limitMs = isUnlimited ? Number.POSITIVE_INFINITY : answerLimitMs(limits)
      // Not behind a pooler: not all of them bear it.
      const isPipelined = is.isPrepared && client.pipeline === true
      const run = runOn(client, limitMs, { names, isPipelined })
      try {
        if (isLifted) await run('set statement_timeout = 0; set lock_timeout = 0')
        const value = await work({ run, isPrepared: is.isPrepared })
        is.answeredAt = performance.now()
        // Limits that were lifted would stay so for whoever gets it next.
        give(isLifted)
        return value
      } catch (error) {
        give(isLifted || isBroken(error))
        if (isUnanswered(error)) void sift()
        throw error
      }
    },
    dedicated: !isOwn && (pool.options?.max ?? fewest) < fewest ? null : async () => (await take(true)).client,
    async close() {
      for (const breakOff of lent) breakOff()
      await end()
    },
  }
}
