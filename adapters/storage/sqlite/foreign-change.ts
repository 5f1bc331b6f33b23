import { listenersFor } from '../kysely/listeners.ts'
import type { Engine } from './engine.ts'

/**
 * Commits of other connections, noticed by `PRAGMA data_version`: a number that changes when another connection wrote,
 * and costs a few microseconds to ask for. The timer runs only while somebody listens, and keeps no process alive.
 */
export function watchForeignChanges(engine: Engine, pollMs: number) {
  let timer: NodeJS.Timeout | undefined
  let seen: unknown

  function look() {
    const database = engine.peek()?.database
    if (database === undefined) return
    try {
      const version = database.pragma('data_version', { simple: true })
      const changed = seen !== undefined && version !== seen
      seen = version
      if (changed) listeners.call()
    } catch {
      // A hint only: a database that cannot be asked now is asked again at the next tick.
    }
  }

  function start() {
    look()
    timer = setInterval(look, pollMs)
    timer.unref()
  }

  function end() {
    clearInterval(timer)
    seen = undefined
  }

  const listeners = listenersFor(start, end)
  return listeners
}
