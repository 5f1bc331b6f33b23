import { repeated } from '../kysely/repeated.ts'
import { busyError, isBusy, storageError } from './errors.ts'

/** Repeats what the database refuses because somebody else has it, without blocking the event loop. */
export const patience =
  (busyTimeoutMs: number) =>
  <T>(attempt: () => T | Promise<T>): Promise<T> =>
    repeated(attempt, (error, count, waitedMs) => {
      if (!isBusy(error)) throw storageError(error)
      if (waitedMs >= busyTimeoutMs) throw busyError(waitedMs, error)
      return Math.min(50, 2 ** count) * (0.5 + Math.random())
    })
