/**
 * A process that migrates a database and prints the report: `node migrator.ts '{"path": ...}'`. With `killAt`, it kills
 * itself before its n-th statement, counted from 1.
 */
import Database from 'better-sqlite3'
import pg from 'pg'
import { postgres } from '../../../../adapters/storage/postgres.ts'
import { sqlite } from '../../../../adapters/storage/sqlite.ts'

const { path, url, killAt = 0 }: { path?: string; url?: string; killAt?: number } = JSON.parse(process.argv[2] ?? '{}')

let statements = 0
function count(): void {
  statements += 1
  if (statements === killAt) process.kill(process.pid, 'SIGKILL')
}

/** Counts the calls of a method, before each. */
function counted(target: object, name: string): void {
  const method: unknown = Reflect.get(target, name)
  if (typeof method !== 'function') throw new Error(`there is no ${name}`)
  Reflect.set(target, name, function (this: unknown, ...given: unknown[]) {
    count()
    return Reflect.apply(method, this, given)
  })
}

counted(Database.prototype, 'exec')
counted(Object.getPrototypeOf(new Database(':memory:').prepare('select 1')), 'run')
counted(pg.Client.prototype, 'query')

const storage = path === undefined ? postgres({ url: url ?? '', connections: 2 }) : sqlite(path)
const report = await storage.migrate({
  ids: { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' },
  adopt: false,
  now: new Date('2031-03-11T12:00:00Z'),
})
await storage.close()
console.log(JSON.stringify({ applied: report.applied, statements }))
