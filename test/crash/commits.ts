import Database from 'better-sqlite3'
import pg from 'pg'
import type { Reached } from './points.ts'

/** Watches every transaction that this process commits in a database, from inside the drivers: the library has no hook for it. */
export function watchCommits(reached: Reached): void {
  const { prepare } = Database.prototype
  Reflect.set(Database.prototype, 'prepare', function watched(this: Database.Database, sql: string) {
    const statement = Reflect.apply(prepare, this, [sql])
    if (sql !== 'commit') return statement
    const { run } = statement
    Reflect.set(statement, 'run', () => {
      reached('before_commit', 1)
      const result = Reflect.apply(run, statement, [])
      reached('after_commit', 1)
      return result
    })
    return statement
  })

  const query: (...values: unknown[]) => unknown = pg.Client.prototype.query
  Reflect.set(pg.Client.prototype, 'query', function watched(this: pg.Client, ...values: unknown[]) {
    const [first] = values
    const text = typeof first === 'object' && first !== null && 'text' in first ? first.text : first
    if (text !== 'commit') return Reflect.apply(query, this, values)
    reached('before_commit', 1)
    const answer: unknown = Reflect.apply(query, this, values)
    return Promise.resolve(answer).then((result) => {
      reached('after_commit', 1)
      return result
    })
  })
}
