/**
 * The slice of better-sqlite3 that is used. Its statements are typed by the caller: the row type comes from the query
 * that Kysely compiled, in `bindQuery`, and nowhere else.
 */
export interface SqliteStatement<P extends unknown[], R> {
  run(...values: P): { changes: number; lastInsertRowid: number | bigint }
  get(...values: P): R | undefined
  all(...values: P): R[]
  safeIntegers(on: boolean): unknown
}

/** The part of a better-sqlite3 database that is used. */
export interface SqliteDatabase {
  /** The file's path, or `:memory:`. */
  readonly name: string
  readonly memory: boolean
  readonly open: boolean
  readonly inTransaction: boolean
  prepare<P extends unknown[], R>(source: string): SqliteStatement<P, R>
  exec(source: string): unknown
  pragma(source: string, options?: { simple?: boolean }): unknown
  /** Off, the definitions of tables cannot be written. */
  unsafeMode(on: boolean): unknown
  close(): unknown
}
