/** What is needed of a job queue, beside its own tables. */
import type pg from 'pg'
import type { Change, Db } from './way.ts'

export type Work = {
  /** Does the jobs of these reminders. */
  readonly handler: (ids: readonly number[]) => Promise<void>
  /** Favours the single message over the many. */
  readonly fresh: boolean
  /** A queue that hands over single jobs gets a micro-batcher before the handler. */
  readonly joined: boolean
}

export type Jobs = {
  /** Does to jobs what was done to their reminders. */
  readonly change: (changes: readonly Change[], db: Db) => Promise<unknown>
  /**
   * When that happens: in the same statement, which is then made of the CTEs of the change; within its transaction; or after
   * its commit, so that a crash in between leaves rows without jobs.
   */
  readonly when: 'after' | 'within' | ((changes: string) => string)
  readonly work: (work: Work) => Promise<unknown>
  /** Jobs that are due and not over. */
  readonly left: () => Promise<number>
  readonly close: () => Promise<unknown>
}

export type Engine = {
  readonly name: string
  readonly durability: string
  /** Whether handlers get one job a call. */
  readonly single: boolean
  /** Over the host's own pool, where it works on Postgres and lets us. */
  readonly open: (url: string, pool: pg.Pool) => Promise<Jobs>
}

/** Joins calls of the same moment into one call with many ids: a millisecond's, and 500 at most. */
export function together(work: (ids: readonly number[]) => Promise<void>): (id: number) => Promise<void> {
  let waiting: { readonly id: number; readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = []
  const flush = () => {
    const batch = waiting.slice(0, 500)
    waiting = waiting.slice(500)
    if (waiting.length > 0) setImmediate(flush)
    work(batch.map(({ id }) => id)).then(
      () => {
        for (const { resolve } of batch) resolve()
      },
      (error) => {
        for (const { reject } of batch) reject(error)
      },
    )
  }
  return (id) =>
    new Promise((resolve, reject) => {
      waiting.push({ id, resolve, reject })
      if (waiting.length === 1) setTimeout(flush, 1)
    })
}
