import type { ReplanPage } from '../../../src/index.ts'
import { runAwaiting, wait } from '../kysely/runner.ts'
import { replanPage as nextPage } from '../kysely/stores/planning.ts'
import type { Database, Engine } from './engine.ts'
import { busyError, isLockTimeout } from './errors.ts'
import { takeLocks } from './locks.ts'

/** Enough for plans that are made meanwhile, and nothing that who makes the next one notices. */
const shortlyMs = 200

/**
 * Ids are given before the commit, so a plan that is still being inserted may have a lower id than one that is there
 * already: the page waits until no insertion is under way, or its cursor would pass that plan for ever. Only shortly,
 * though, and then it is `storage_busy`: the server lets nobody else begin an insertion while the page waits, and a host
 * may hold its transaction open for as long as it likes.
 */
export async function replanPage(engine: Engine, now: Date, limit: number): Promise<ReplanPage | null> {
  const oldest = ({ bind, statements }: Database) => bind(statements.plans.oldestJob).get({})
  if ((await engine.read(oldest)) === undefined) return null
  const waitMs = Math.min(shortlyMs, engine.limits.busyTimeoutMs)
  return engine.write(async (database) => {
    await database.run(`set local lock_timeout = ${waitMs}`)
    await takeLocks(database.run, database.schema, [
      { kind: 'plans', identity: [], shared: false },
      { kind: 'host plans', identity: [], shared: false },
    ]).catch((error) => {
      throw isLockTimeout(error) ? busyError(waitMs, error) : error
    })
    return runAwaiting(nextPage(database, wait, now, limit))
  })
}
