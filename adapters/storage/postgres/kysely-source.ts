import { CompiledQuery } from 'kysely'
import { isUnanswered } from './errors.ts'
import { answerLimitMs, type Limits } from './limits.ts'
import { type Answer, inTurn, type Run, type Source } from './source.ts'
import type { PgExecutor, PgKysely, PgRow } from './vendor.ts'

/** On one connection, without the host's plugins. */
export function runOnKysely(host: PgExecutor, limitMs: number): Run {
  const plain = host.withoutPlugins()
  async function ask<R extends PgRow>(text: string, values: readonly unknown[] = []): Promise<Answer<R>> {
    const { rows, numAffectedRows } = await plain.executeQuery<R>(CompiledQuery.raw(text, [...values]))
    return { rows, count: Number(numAffectedRows ?? rows.length) }
  }
  return inTurn(ask, limitMs)
}

/**
 * Kysely gives a connection back to its pool as if it were well, whatever happened on it. So one that left a statement
 * without an answer is kept from everybody until it answers again, with no transaction open, or is known to be dead.
 */
async function untilAnswered(host: PgExecutor): Promise<void> {
  for (;;) {
    try {
      await runOnKysely(host, Number.POSITIVE_INFINITY)('rollback')
      return
    } catch (error) {
      // Where the host's pool has a limit of its own for answers, it is asked as often as it takes.
      if (!isUnanswered(error)) return
    }
  }
}

export const kyselySource = (host: PgKysely, limits: Limits): Source => ({
  session: (work, { isUnlimited = false } = {}) =>
    new Promise((resolve, reject) => {
      const limitMs = isUnlimited ? Number.POSITIVE_INFINITY : answerLimitMs(limits)
      host
        .connection()
        .execute(async (db) => {
          try {
            resolve(await work({ run: runOnKysely(db, limitMs), isPrepared: false }))
          } catch (error) {
            reject(error)
            if (isUnanswered(error)) await untilAnswered(db)
          }
        })
        .catch(reject)
    }),
  dedicated: null,
  close: async () => {},
})
