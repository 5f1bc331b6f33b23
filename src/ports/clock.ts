/** Tells the time and waits. Everything in the library that depends on time goes through this port. */
export interface Clock {
  now(): Date
  /**
   * Calls `callback` once, at `at` or as soon after it as possible; if `at` is past, soon, but never synchronously.
   * Returns a function that cancels the timer.
   */
  setTimer(at: Date, callback: () => void): () => void
}

/** Timers of Node overflow after 24.8 days; longer waits are taken in steps of a day. */
const longestTimerMs = 24 * 60 * 60 * 1000

/** The clock and timers of the system. The default. */
export const systemClock: Clock = {
  now: () => new Date(),
  setTimer(at, callback) {
    let timer: NodeJS.Timeout
    const arm = () => {
      const waitMs = at.getTime() - Date.now()
      timer = waitMs > longestTimerMs ? setTimeout(arm, longestTimerMs) : setTimeout(callback, Math.max(0, waitMs))
    }
    arm()
    return () => clearTimeout(timer)
  },
}
