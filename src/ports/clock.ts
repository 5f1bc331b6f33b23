/** Time. Everything in the library that asks for the time or waits goes through this port. */
export interface Clock {
  now(): Date
  /** Calls back once, at `at` or as soon after it as possible; at once (not synchronously) if it is past. Returns the cancellation. */
  setTimer(at: Date, callback: () => void): () => void
}

/** Timers of Node overflow after 24.8 days; longer waits are taken in steps of a day. */
const longestTimerMs = 24 * 60 * 60 * 1000

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
