import { isNotificationError, NotificationError } from '../../../src/index.ts'

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** Somebody else has the database: worth another try. */
export const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error))

/** A transaction that began by reading, and was overtaken by a writer: SQLite never lets it write. */
export const isOutdated = (error: unknown): boolean => codeOf(error) === 'SQLITE_BUSY_SNAPSHOT'

export const outdatedError = (cause: unknown): NotificationError =>
  new NotificationError(
    'storage_busy',
    'Another connection wrote after your transaction had begun to read, so that it cannot write any more: roll it back and run it again. BEGIN IMMEDIATE keeps this from happening.',
    { cause },
  )

export const isUnmigrated = (error: unknown): boolean =>
  isNotificationError(error) && error.code === 'migration_missing'

export const closedError = (): NotificationError =>
  new NotificationError('storage_closed', 'The sqlite storage is closed; it cannot be used again after close().')

export const busyError = (waitedMs: number, cause: unknown): NotificationError =>
  new NotificationError(
    'storage_busy',
    `The SQLite database stayed locked by another connection for ${Math.round(waitedMs)} ms. Look for a long transaction, or raise "busyTimeoutMs".`,
    { cause },
  )

export const missingTables = (cause?: unknown): NotificationError =>
  new NotificationError(
    'migration_missing',
    'The tables are missing or older than this library. Call migrate() once before anything else.',
    cause === undefined ? {} : { cause },
  )

/** The library's errors as they are; the vendor's wrapped, with the vendor's as cause. */
export function storageError(error: unknown): NotificationError {
  if (isNotificationError(error)) return error
  const text = error instanceof Error ? error.message : String(error)
  if (/^no such (table|column)/.test(text)) return missingTables(error)
  return new NotificationError('storage_failed', `SQLite failed: ${codeOf(error) || 'error'}: ${text}`, {
    cause: error,
  })
}

/** An import that failed because the package is not there, told with what to install. */
export function importError(error: unknown): unknown {
  const text = error instanceof Error ? error.message : String(error)
  const code = codeOf(error)
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') return error
  const missing = ['better-sqlite3', 'kysely'].find((name) => text.includes(`'${name}'`))
  if (missing === undefined) return error
  return new NotificationError(
    'dependency_missing',
    `The sqlite storage needs the package "${missing}". Install both of its peers: npm install better-sqlite3 kysely`,
    { cause: error },
  )
}
