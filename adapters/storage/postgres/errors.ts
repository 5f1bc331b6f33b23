import { isNotificationError, NotificationError } from '../../../src/errors.ts'
import { codeOf, missingPeer, missingTables, textOf } from '../kysely/errors.ts'
import { isOver, noneOpen, noTables, refused } from '../kysely/host-transaction.ts'

/** A command found that what it read of a table is outdated, and is to be run anew. */
export class Outdated extends Error {
  readonly table: string

  constructor(table: string, what: string) {
    super(`${what} of ${table}`)
    this.table = table
  }
}

/** A statement was not answered in time: nobody knows what became of it, and its connection is of no more use. */
export class CommandTimeout extends Error {
  constructor(ms: number) {
    super(`no answer within ${ms} ms`)
  }
}

/** A connection could not be had in time: none was free, or none could be opened. */
export class ConnectTimeout extends Error {
  constructor(ms: number) {
    super(`no connection within ${ms} ms`)
  }
}

/**
 * Serialization failure, deadlock, or an insertion that somebody else was quicker with: the transaction is rolled back, and
 * another try may well succeed.
 */
export const isContention = (error: unknown): boolean =>
  error instanceof Outdated || ['40001', '40P01', '23505'].includes(codeOf(error))

/**
 * A prepared statement is not there, is there already, or its result would have other columns than when it was prepared.
 * The transaction is rolled back, and can run without names.
 */
export const isUnprepared = (error: unknown): boolean => ['26000', '42P05', '0A000'].includes(codeOf(error))

/** Another statement of the transaction failed before. */
export const isAfterFailure = (error: unknown): boolean => codeOf(error) === '25P02'

/** A lock that was waited for as long as one attempt may. */
export const isLockTimeout = (error: unknown): boolean => codeOf(error) === '55P03'

/** The server ended the statement: it took longer than it may, or an operator cancelled it. */
const isCancelled = (error: unknown): boolean => codeOf(error) === '57014'

/** A standby, or a server that a failover left behind. Another connection may lead to the one that writes. */
const isReadOnly = (error: unknown): boolean => codeOf(error) === '25006'

/** The disk, the memory or another resource of the server is used up. */
const isExhausted = (error: unknown): boolean => codeOf(error).startsWith('53')

/** What the database said: the library's errors keep it as their cause. */
const originOf = (error: unknown): unknown => (isNotificationError(error) && error.cause ? error.cause : error)

/** Given up waiting for the answer: by this library, or by a limit of the host's pool (`query_timeout`). */
export function isUnanswered(error: unknown): boolean {
  const origin = originOf(error)
  return origin instanceof CommandTimeout || /query read timeout/i.test(textOf(origin))
}

/** The connection broke, was ended by the server, was refused, fell silent, or could not be had in time. */
export function isDisconnected(error: unknown): boolean {
  if (isUnanswered(error) || error instanceof ConnectTimeout) return true
  return (
    /^(08...|57P0[1235]|25P0[34]|53300|ECONN\w+|EPIPE|ETIMEDOUT|ETIMEOUT|EHOST\w+|ENET\w+|ENOTFOUND|EAI_AGAIN)$/.test(
      codeOf(error),
    ) ||
    /connection terminated|not queryable|connection error|timeout exceeded when trying to connect|timeout expired|client was closed|server closed the connection/i.test(
      textOf(error),
    )
  )
}

/** The driver knew already that the connection is broken, and sent nothing. */
export const wasNeverSent = (error: unknown): boolean => /not queryable/i.test(textOf(error))

/** What another try may get past: nothing was committed. */
export const mayPass = (error: unknown): boolean =>
  [isContention, isDisconnected, isLockTimeout, isCancelled, isReadOnly, isExhausted].some((is) => is(error))

/** True if the connection on which it happened is not to be used again. */
export function isBroken(error: unknown): boolean {
  const origin = originOf(error)
  return isDisconnected(origin) || isReadOnly(origin)
}

export const closedError = (): NotificationError =>
  new NotificationError('storage_closed', 'The postgres storage is closed; it cannot be used again after close().')

/** Why a command was given up, and what to look at. */
function reasonFor(cause: unknown, waited: string): string {
  if (cause instanceof Outdated) {
    return `Rows of "${cause.table}" could not be changed for ${waited}, although they had just been read; nothing was changed. Look for a trigger or a rule on this table that keeps its rows from being changed, or for a program that deletes them.`
  }
  if (codeOf(cause) === '23505') {
    return `Rows could not be inserted for ${waited} (${textOf(cause)}); nothing was changed. Look for an index or a trigger on the library's tables that is not the library's.`
  }
  if (isReadOnly(cause)) {
    return `Postgres was read-only for ${waited}; nothing was changed. It may be a standby: check which server the URL names.`
  }
  if (isExhausted(cause) && codeOf(cause) !== '53300') {
    return `Postgres lacked a resource for ${waited} (${codeOf(cause)}: ${textOf(cause)}); nothing was changed.`
  }
  if (isUnanswered(cause) || isCancelled(cause)) {
    return `Postgres did not finish within ${waited}; nothing was changed. Check the network and the load of the server, or raise "commandTimeoutMs".`
  }
  if (isDisconnected(cause)) {
    return `Postgres could not be reached for ${waited} (${textOf(cause) || codeOf(cause)}); nothing was changed. Check that it is running, accepts connections and has free ones.`
  }
  return `Other transactions blocked this for ${waited}; nothing was changed. Look for a long transaction, or raise "busyTimeoutMs".`
}

export const busyError = (waitedMs: number, cause: unknown): NotificationError =>
  new NotificationError('storage_busy', reasonFor(cause, `${Math.round(waitedMs)} ms`), { cause })

const unknownCommits = new WeakSet<object>()

/** The answer to COMMIT is missing, so nobody knows which it was. */
export function unknownCommit(cause: unknown): NotificationError {
  const error = new NotificationError(
    'storage_failed',
    'The connection to Postgres was lost during a commit, so the change may or may not be stored. Check before you repeat it.',
    { cause },
  )
  unknownCommits.add(error)
  return error
}

export const isUnknownCommit = (error: unknown): boolean => error instanceof Error && unknownCommits.has(error)

/** Undefined table, column or schema. */
export const isMissingTable = (error: unknown): boolean => ['42P01', '42703', '3F000'].includes(codeOf(error))

/** Data exceptions quote the value that was refused, which may be anybody's. The vendor's own words are in the cause. */
const isAboutValue = (error: unknown): boolean => codeOf(error).startsWith('22')

/** The library's errors as they are; the vendor's wrapped, with the vendor's as cause. */
export function storageError(error: unknown): NotificationError {
  if (isNotificationError(error)) return error
  if (isMissingTable(error)) return missingTables(error)
  const words = isAboutValue(error) ? 'it refused a value' : textOf(error)
  return new NotificationError('storage_failed', `Postgres failed: ${codeOf(error) || 'error'}: ${words}`, {
    cause: error,
  })
}

/** What went wrong on a connection of the host, told to the host. */
export function hostError(error: unknown, waitedMs: number): NotificationError {
  if (isNotificationError(error)) return error.code === 'migration_missing' ? noTables(error) : error
  const code = codeOf(error)
  if (code === '25P01' || isOver(error)) return noneOpen(error)
  if (isAfterFailure(error)) return refused('the transaction had already failed before this call. Roll it back.', error)
  if (isLockTimeout(error) || isCancelled(error)) return busyError(waitedMs, error)
  if (!isContention(error) && !isDisconnected(error)) return storageError(error)
  const lost = isDisconnected(error)
    ? 'The connection to Postgres was lost'
    : `Other transactions changed the same rows${error instanceof Outdated ? ` of "${error.table}"` : ''}`
  return new NotificationError(
    'storage_busy',
    `${lost}, so your transaction cannot continue. Roll it back and run it again.`,
    { cause: error },
  )
}

export const importError = (error: unknown): unknown => missingPeer(error, 'postgres', ['pg', 'kysely'])
