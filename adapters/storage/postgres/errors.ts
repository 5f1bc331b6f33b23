import { isNotificationError, NotificationError } from '../../../src/index.ts'
import { codeOf, missingPeer, missingTables, textOf } from '../kysely/errors.ts'
import { isOver, noneOpen, noTables, refused } from '../kysely/host-transaction.ts'

/** A command found that what it read is outdated, and is to be run anew. */
export class Outdated extends Error {}

/**
 * Serialization failure, deadlock, or an operator's `pg_cancel_backend` of somebody in between: the transaction is rolled
 * back, and another try may well succeed.
 */
export const isContention = (error: unknown): boolean =>
  error instanceof Outdated || ['40001', '40P01', '23505'].includes(codeOf(error))

/**
 * A prepared statement is not there, is there already, or its result would have other columns than when it was prepared.
 * The transaction is rolled back, and can run without names.
 */
export const isUnprepared = (error: unknown): boolean => ['26000', '42P05', '0A000'].includes(codeOf(error))

/** A lock that was waited for as long as the options allow. */
export const isLockTimeout = (error: unknown): boolean => codeOf(error) === '55P03'

/** The connection broke, was refused, or could not be had in time. */
export function isDisconnected(error: unknown): boolean {
  const code = codeOf(error)
  return (
    /^(08...|57P0[1235]|53300|ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/.test(code) ||
    /connection terminated|not queryable|connection error|timeout exceeded when trying to connect|client was closed/i.test(
      textOf(error),
    )
  )
}

/** True if the connection that threw it cannot be used again. */
export const isBroken = (error: unknown): boolean =>
  isDisconnected(error) || (isNotificationError(error) && isDisconnected(error.cause))

export const closedError = (): NotificationError =>
  new NotificationError('storage_closed', 'The postgres storage is closed; it cannot be used again after close().')

export function busyError(waitedMs: number, cause: unknown): NotificationError {
  const waited = `${Math.round(waitedMs)} ms`
  const message = isDisconnected(cause)
    ? `Postgres could not be reached for ${waited}; nothing was changed. Check that it runs, accepts connections and has some left.`
    : `Other transactions kept Postgres from carrying this out for ${waited}; nothing was changed. Look for a long transaction, or raise "busyTimeoutMs".`
  return new NotificationError('storage_busy', message, { cause })
}

/** The answer to COMMIT is missing, so nobody knows which it was. */
export const unknownCommit = (cause: unknown): NotificationError =>
  new NotificationError(
    'storage_failed',
    'The connection to Postgres was lost while a transaction was being committed: it may be stored or not. Read before you repeat it.',
    { cause },
  )

/** Undefined table, column or schema. */
export const isMissingTable = (error: unknown): boolean => ['42P01', '42703', '3F000'].includes(codeOf(error))

/** The library's errors as they are; the vendor's wrapped, with the vendor's as cause. */
export function storageError(error: unknown): NotificationError {
  if (isNotificationError(error)) return error
  if (isMissingTable(error)) return missingTables(error)
  return new NotificationError('storage_failed', `Postgres failed: ${codeOf(error) || 'error'}: ${textOf(error)}`, {
    cause: error,
  })
}

/** What went wrong on a connection of the host, told to the host. */
export function hostError(error: unknown, waitedMs: number): NotificationError {
  if (isNotificationError(error)) return error.code === 'migration_missing' ? noTables(error) : error
  const code = codeOf(error)
  if (code === '25P01' || isOver(error)) return noneOpen(error)
  if (code === '25P02') return refused('the transaction has failed before this call. Roll it back.', error)
  if (isLockTimeout(error)) return busyError(waitedMs, error)
  if (!isContention(error) && !isDisconnected(error)) return storageError(error)
  const lost = isDisconnected(error) ? 'The connection to Postgres was lost' : 'Others changed the same rows'
  return new NotificationError(
    'storage_busy',
    `${lost}, so that your transaction cannot go on: roll it back and run it again.`,
    { cause: error },
  )
}

export const importError = (error: unknown): unknown => missingPeer(error, 'postgres', ['pg', 'kysely'])
