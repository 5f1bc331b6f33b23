import { setTimeout as wait } from 'node:timers/promises'
import { busyError, isBusy, storageError } from './errors.ts'

const backoffMs = (attempt: number): number => Math.min(50, 2 ** attempt) * (0.5 + Math.random())

/** Repeats what the database refuses because somebody else has it, without blocking the event loop. */
export const patience =
  (busyTimeoutMs: number) =>
  async <T>(attempt: () => T | Promise<T>): Promise<T> => {
    let since = 0
    for (let count = 0; ; count += 1) {
      try {
        return await attempt()
      } catch (error) {
        if (!isBusy(error)) throw storageError(error)
        const now = performance.now()
        since = since === 0 ? now : since
        if (now - since >= busyTimeoutMs) throw busyError(now - since, error)
        await wait(backoffMs(count))
      }
    }
  }
