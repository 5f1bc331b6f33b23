/** Returns the time and sets timers. Everything in the library that depends on time uses this port. */
export interface Clock {
  /** The time of day. It may be wrong, and may be set forward or back at any moment. */
  now(): Date
  /** Milliseconds since some fixed moment, on a clock that is never set: for measuring durations. */
  elapsedMs(): number
  /**
   * Calls `callback` once, when `now()` reaches `at` or shortly after (within a few seconds if the time of day is set
   * meanwhile); soon if `at` is past, but never synchronously. Returns a function that cancels the timer.
   */
  setTimer(at: Date, callback: () => void): () => void
  /**
   * Calls `callback` once, after `ms` by `elapsedMs()`, even if the time of day is set meanwhile; never synchronously.
   * Returns a function that cancels it.
   */
  after(ms: number, callback: () => void): () => void
  /**
   * True: time passes only when a test moves it, and it is used for everything. False: a storage with a clock of its own (a
   * database server) provides the time. Default false.
   */
  readonly isDriven?: boolean
}

/** Timers of Node overflow after 24.8 days; longer waits are taken in steps of a day. */
const longestTimerMs = 24 * 60 * 60 * 1000
/** A time of day that is set forward or back is noticed so soon, and so is a laptop that slept. */
const lookAgainMs = 5000

type Waits = Pick<Clock, 'now' | 'elapsedMs' | 'after'>

/** Timers for a time of day that may be set while they run. */
export function followingTimer(clock: Waits, at: Date, callback: () => void): () => void {
  let cancel = () => {}
  const arm = () => {
    const leftMs = at.getTime() - clock.now().getTime()
    cancel = clock.after(Math.min(Math.max(0, leftMs), lookAgainMs), look)
  }
  const look = () => (clock.now() < at ? arm() : callback())
  arm()
  return () => cancel()
}

/** A clock with the timers of Node and this time of day, in ms since the epoch. */
export function nodeClock(timeOfDay: () => number): Clock {
  const waits: Waits = {
    now: () => new Date(timeOfDay()),
    elapsedMs: () => performance.now(),
    after(ms, callback) {
      const end = performance.now() + ms
      let timer: NodeJS.Timeout
      const arm = (leftMs: number) => {
        timer =
          leftMs > longestTimerMs
            ? setTimeout(() => arm(end - performance.now()), longestTimerMs)
            : setTimeout(callback, Math.max(0, leftMs))
      }
      arm(ms)
      return () => clearTimeout(timer)
    },
  }
  return { ...waits, setTimer: (at, callback) => followingTimer(waits, at, callback) }
}

/** The clock and timers of the system. The default. */
export const systemClock: Clock = nodeClock(() => Date.now())
