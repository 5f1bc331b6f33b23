import { appendFileSync, writeSync } from 'node:fs'
import type { Transport } from '../../src/index.ts'
import type { Store } from '../../src/records/store.ts'

/** Where a worker may kill itself, or stand still: on both sides of every step that another process or machine can see. */
export const pointNames = [
  'before_intent',
  'after_intent',
  'before_send',
  'after_send',
  'before_settle',
  'after_settle',
  'before_commit',
  'after_commit',
] as const
export type PointName = (typeof pointNames)[number]

/** Dies, or stands still until it is told to go on, at the `count`-th intent, send, settlement or commit of this process. */
export type KillPoint = { readonly name: PointName; readonly count: number; readonly how: 'kill' | 'pause' }
/** What a worker says as it stands still. */
export const pausedLine = 'stands still'

/** Called with how many intents, sends, settlements or commits are just before or after their step. */
export type Reached = (name: PointName, by: number) => void

export function dieAt(point: KillPoint | null): Reached {
  let left = point?.count ?? 0
  let over = false
  return (name, by) => {
    if (name !== point?.name || over) return
    left -= by
    if (left > 0) return
    over = true
    // A signal to oneself takes effect before the call returns: nothing of this process runs after it.
    if (point.how === 'kill') process.kill(process.pid, 'SIGKILL')
    writeSync(2, `${pausedLine}\n`)
    process.kill(process.pid, 'SIGSTOP')
  }
}

/** The same storage, watched from outside: the library needs no hook to be killed at a place that has a name. */
export function watchedStorage(storage: Store, reached: Reached, settlesPath: string): Store {
  const { deliveries } = storage
  return {
    ...storage,
    deliveries: {
      ...deliveries,
      async commitIntents(commands, now) {
        const sends = commands.filter((command) => command.kind === 'send').length
        reached('before_intent', sends)
        const outcomes = await deliveries.commitIntents(commands, now)
        reached('after_intent', sends)
        return outcomes
      },
      async settle(commands) {
        reached('before_settle', commands.length)
        const applied = await deliveries.settle(commands)
        reached('after_settle', commands.length)
        for (const [index, { id, fence, result }] of commands.entries()) {
          const counted = result.kind !== 'retry' || result.countAttempt
          const settle = { id, fence, kind: result.kind, counted, applied: applied[index] }
          appendFileSync(settlesPath, `${JSON.stringify(settle)}\n`)
        }
        return applied
      },
    },
  }
}

export function watchedTransport(transport: Transport, reached: Reached): Transport {
  return {
    ...transport,
    async send(message, context) {
      reached('before_send', 1)
      const receipt = await transport.send(message, context)
      reached('after_send', 1)
      return receipt
    },
  }
}
