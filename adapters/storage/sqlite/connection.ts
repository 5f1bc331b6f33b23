import { closeSync, existsSync, openSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { NotificationError } from '../../../src/errors.ts'
import type * as records from '../../../src/records/index.ts'
import type * as ddl from '../kysely/ddl.ts'
import type { Dialect } from '../kysely/dialect.ts'
import type { Bind, Builder, Prepare } from '../kysely/query.ts'
import type * as lists from '../kysely/statements/lists.ts'
import type { Statements } from '../kysely/statements.ts'
import { importError, noFileError, openError } from './errors.ts'
import { hasLedger } from './ledger.ts'
import { sameFileCheck } from './same-file.ts'
import type { SqliteDatabase, SqliteStatement } from './vendor.ts'

/** Where the rows are: a file of its own, or a database in memory that the host opened and shares. */
export type SqliteTarget = { readonly path: string } | { readonly shared: SqliteDatabase }

/** The statements, on whatever connection they run. */
export type Tools = {
  readonly builder: Builder
  readonly dialect: Dialect
  readonly statements: Statements
  /** Statements built for every call, from the conditions asked for. */
  readonly lists: typeof lists
  readonly bind: Bind<'sync'>
  /** What commands read and write with. */
  readonly rowsOn: (ids: records.IdCodec) => records.Rows
}

export type Connection = Tools & {
  readonly database: SqliteDatabase
  /** True if the host's statements run on it too. */
  readonly shared: boolean
  readonly ddl: typeof ddl
  /** Throws `storage_replaced` where its file is not the one that was opened. */
  readonly requireSameFile: () => void
  readonly steps: ReturnType<typeof transactionSteps>
}

/** A statement is prepared at its first use, because its table may not exist before, and kept. */
const prepareOn =
  (database: SqliteDatabase): Prepare =>
  (source) => {
    let kept: SqliteStatement<unknown[], never> | undefined
    const statement = () => {
      if (kept === undefined) {
        kept = database.prepare<unknown[], never>(source)
        // A host may have asked for BigInt on a connection that is shared.
        kept.safeIntegers(false)
      }
      return kept
    }
    return {
      all: (values) => statement().all(...values),
      get: (values) => statement().get(...values),
      run: (values) => {
        const { changes, lastInsertRowid } = statement().run(...values)
        return { changes, id: Number(lastInsertRowid) }
      },
    }
  }

function transactionSteps(prepare: Prepare) {
  const step = (source: string) => {
    const { run } = prepare(source)
    return () => void run([])
  }
  return {
    /** Takes the write lock at once: a lock taken later could find its reads outdated. */
    begin: step('begin immediate'),
    beginRead: step('begin'),
    commit: step('commit'),
    rollback: step('rollback'),
    savepoint: step('savepoint command'),
    release: step('release command'),
    rollbackTo: step('rollback to command'),
  }
}

/** Vendors are loaded here, at first use, so that a missing package is an error that says what to install. */
export async function library() {
  requireNodeApi()
  try {
    return await import('./library.ts')
  } catch (error) {
    throw importError(error)
  }
}

/** better-sqlite3 13 is built for Node-API 10. On an older Node it ends the process with a segmentation fault. */
function requireNodeApi(): void {
  if (!(Number(process.versions['napi']) < 10)) return
  throw new NotificationError(
    'dependency_missing',
    `The sqlite storage needs Node 22.14 or later, because better-sqlite3 does; this is Node ${process.versions.node}.`,
  )
}

/** A file that is not there, in a folder that is. */
export const isMissing = (target: SqliteTarget): boolean =>
  'path' in target && target.path !== ':memory:' && !existsSync(target.path) && existsSync(dirname(target.path))

/**
 * Makes the file where it is missing, for its owner alone: it holds contacts and messages. SQLite gives the log and the shared
 * memory beside it the mode of the file. One that is there keeps its mode, which is whoever's made it.
 */
export function makeFile(target: SqliteTarget): void {
  if (!isMissing(target) || !('path' in target)) return
  try {
    closeSync(openSync(target.path, 'wx', 0o600))
  } catch {
    // It is there by now, or cannot be made; SQLite says which of both when it opens it.
  }
}

/**
 * Opens the library's own connection to a file: WAL, so that readers and the host's statements do not wait for us;
 * synchronous=FULL, because a reminder told to the host as stored must survive a power cut; busy_timeout 0, because
 * SQLite's own waiting would block the event loop; secure_delete, because what is erased must not stay in the file. Makes no file, and
 * leaves one that nobody migrated as it is: the path may be wrong.
 */
function openFile(
  path: string,
  Database: new (path: string, options: { timeout: number; fileMustExist: boolean }) => SqliteDatabase,
) {
  if (isMissing({ path })) throw noFileError(path)
  let database: SqliteDatabase | undefined
  try {
    database = new Database(path, { timeout: 0, fileMustExist: true })
    if (hasLedger(database)) database.pragma('journal_mode = WAL')
    database.pragma('synchronous = FULL')
    database.pragma('busy_timeout = 0')
    database.pragma('secure_delete = ON')
    database.pragma('cache_size = -65536')
    database.pragma('temp_store = MEMORY')
    database.pragma('wal_autocheckpoint = 8000')
    return database
  } catch (error) {
    database?.close()
    throw openError(path, error)
  }
}

export async function connect(target: SqliteTarget): Promise<Connection> {
  const { Database, toolsOn, ddl } = await library()
  const shared = 'shared' in target
  const database = shared ? target.shared : openFile(target.path, Database)
  const prepare = prepareOn(database)
  const requireSameFile = database.memory ? () => {} : sameFileCheck(database.name)
  return { database, shared, ...toolsOn(prepare), ddl, steps: transactionSteps(prepare), requireSameFile }
}

/** A relative path means the working directory at the time of the call, not at the first use. */
export const fileTarget = (path: string): SqliteTarget => ({ path: path === ':memory:' ? path : resolve(path) })
