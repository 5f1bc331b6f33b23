import type { Clock } from '../../src/index.ts'

/** The system's time, some way on: what is due then is planned now, however long that takes. */
export const clockAhead = (aheadMs: () => number): Clock => ({
  now: () => new Date(Date.now() + aheadMs()),
  setTimer(at, callback) {
    const timer = setTimeout(callback, Math.min(2 ** 31 - 1, Math.max(0, at.getTime() - aheadMs() - Date.now())))
    return () => clearTimeout(timer)
  },
})
