import { setTimeout as wait } from 'node:timers/promises'

/** Repeats what fails, after the pause that `pauseMs` gives; what nobody can get past, or has lasted too long, it throws in its words. */
export async function repeated<T>(
  attempt: () => T | Promise<T>,
  pauseMs: (error: unknown, count: number, waitedMs: number) => number,
): Promise<T> {
  const since = performance.now()
  for (let count = 0; ; count += 1) {
    try {
      return await attempt()
    } catch (error) {
      await wait(pauseMs(error, count, performance.now() - since))
    }
  }
}
