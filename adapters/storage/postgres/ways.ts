import { isBroken, isDisconnected, unknownCommit, wasNeverSent } from './errors.ts'
import { type Limits, ownSettings, setLocal } from './limits.ts'
import type { Lending, Lent, Run } from './source.ts'
import type { StatementNames } from './statement-names.ts'

/**
 * Commands find every row by an index. A plan that is kept must not be to read a whole table because it was small once;
 * where there is no other way, the price that forbids it must not make the server compile the statement.
 */
const byIndex = ['set local enable_seqscan = off', 'set local jit = off']

/** So long a lock is waited for that another command has, which is well. */
const hastyMs = 20

/** How a transaction is begun, and on what connection. */
export type Way = { readonly begin: (isPrepared: boolean) => string; readonly lending: Lending }

/** The isolation and all settings are said with BEGIN, in one round trip: no default of a role, database or host matters. */
export function waysOf(limits: Limits, names: StatementNames) {
  const own = setLocal(ownSettings(limits))
  function way(more: readonly string[], lending: Lending): Way {
    const begin = 'begin isolation level read committed'
    const [prepared, unprepared] = [[begin, ...more].join('; '), [begin, own, ...more].join('; ')]
    return { begin: (isPrepared) => (isPrepared ? prepared : unprepared), lending }
  }
  return {
    /** One statement, where the connection cannot have settings of its own. */
    single: way([], {}),
    migrating: way(['set local statement_timeout = 0', `set local lock_timeout = ${limits.busyTimeoutMs}`], {
      isUnlimited: true,
    }),
    writing: way(byIndex, { names }),
    /** As `writing`, for who has others to go on with. */
    hasty: way([...byIndex, `set local lock_timeout = ${hastyMs}`], { names }),
  }
}

/**
 * Works between BEGIN and COMMIT. A COMMIT without an answer rejects with what `unanswered` makes of it. Work may read while BEGIN is
 * under way, and must not change anything before `begun`: it would not be undone where there is no transaction after all.
 */
export async function transacted<T>(
  { run, isPrepared }: Lent,
  { begin }: Way,
  work: (run: Run, begun: Promise<unknown>) => Promise<T>,
  unanswered: (error: unknown) => unknown = unknownCommit,
): Promise<T> {
  const begun = run(begin(isPrepared))
  let value: T
  try {
    ;[value] = await Promise.all([work(run, begun), begun])
  } catch (error) {
    // A connection that cannot even roll back is lost, and says so: nobody is to get it after this.
    if (!isBroken(error)) await run('rollback')
    throw error
  }
  await run('commit').catch((error) => {
    throw isDisconnected(error) && !wasNeverSent(error) ? unanswered(error) : error
  })
  return value
}
