import { isNotificationError, NotificationError } from '../../../src/errors.ts'
import { codeOf, missingPeer, missingTables, textOf } from '../kysely/errors.ts'

/** Somebody else has the database: worth another try. */
export const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error))

/** A transaction that began by reading, and was overtaken by a writer: SQLite never lets it write. */
export const isOutdated = (error: unknown): boolean => codeOf(error) === 'SQLITE_BUSY_SNAPSHOT'

export const outdatedError = (cause: unknown): NotificationError =>
  new NotificationError(
    'storage_busy',
    'Another connection wrote after your transaction had begun to read, so it can no longer write. Roll it back and run it again; BEGIN IMMEDIATE prevents this.',
    { cause },
  )

export const isUnmigrated = (error: unknown): boolean =>
  isNotificationError(error) && error.code === 'migration_missing'

export const closedError = (): NotificationError =>
  new NotificationError('storage_closed', 'The sqlite storage is closed; it cannot be used again after close().')

export const noFileError = (path: string): NotificationError =>
  new NotificationError(
    'migration_missing',
    `There is no database at ${path}. Call migrate(), which makes it, or correct the path.`,
  )

export const replacedError = (path: string): NotificationError =>
  new NotificationError(
    'storage_replaced',
    `The file ${path} was deleted or replaced while it was open, so nothing more is read or written. Put the file back, or restart the process. After restoring a backup, call afterRestore() before start().`,
  )

export const busyError = (waitedMs: number, cause: unknown): NotificationError =>
  new NotificationError(
    'storage_busy',
    `The SQLite database stayed locked by another connection for ${Math.round(waitedMs)} ms. Look for a long transaction, or raise "busyTimeoutMs".`,
    { cause },
  )

/** The library's errors as they are; the vendor's wrapped, with the vendor's as cause. */
export function storageError(error: unknown): NotificationError {
  if (isNotificationError(error)) return error
  const text = textOf(error)
  if (/^no such (table|column)/.test(text)) return missingTables(error)
  return new NotificationError('storage_failed', `SQLite failed: ${wordsOf(error)}`, { cause: error })
}

/** A file that cannot be opened, with its path; what may pass is left as it is. */
export const openError = (path: string, error: unknown): unknown =>
  isBusy(error) || isNotificationError(error)
    ? error
    : new NotificationError('storage_failed', `The file ${path} cannot be opened: ${wordsOf(error)}`, { cause: error })

const remedies: readonly (readonly [RegExp, string])[] = [
  [
    /^SQLITE_READONLY/,
    'This process may only read it. It needs to write the file, and its folder too, where SQLite keeps a log beside it.',
  ],
  [
    /^SQLITE_CANTOPEN|directory does not exist/,
    'The folder has to be there, and this process needs to write it and the file: SQLite keeps a log beside it.',
  ],
  [/^SQLITE_NOTADB/, 'It is another kind of file, or encrypted: look at the path.'],
  [/^SQLITE_FULL/, 'The disk is full.'],
  [/^SQLITE_CORRUPT/, 'The file is damaged: restore a backup, and call afterRestore() before start().'],
]

/** The vendor's, with what to do about it. */
function wordsOf(error: unknown): string {
  const words = `${codeOf(error) || 'error'}: ${textOf(error)}`
  const [, remedy] = remedies.find(([pattern]) => pattern.test(codeOf(error)) || pattern.test(textOf(error))) ?? []
  return remedy === undefined ? words : `${words}. ${remedy}`
}

export const importError = (error: unknown): unknown => missingPeer(error, 'sqlite', ['better-sqlite3', 'kysely'])
