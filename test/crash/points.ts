import type { Storage, Transport } from '../../src/index.ts'

/** Where a worker may kill itself: on both sides of every step that another process or machine can see. */
export const pointNames = [
  'before_intent',
  'after_intent',
  'before_send',
  'after_send',
  'before_settle',
  'after_settle',
] as const
export type PointName = (typeof pointNames)[number]

/** Dies at the `count`-th intent, send or settlement of this process. */
export type KillPoint = { readonly name: PointName; readonly count: number }

/** Called with how many intents, sends or settlements are just before or after their step. */
export type Reached = (name: PointName, by: number) => void

export function dieAt(point: KillPoint | null): Reached {
  let left = point?.count ?? 0
  return (name, by) => {
    if (name !== point?.name) return
    left -= by
    // SIGKILL to oneself takes effect before the call returns: nothing of this process runs after it.
    if (left <= 0) process.kill(process.pid, 'SIGKILL')
  }
}

/** The same storage, watched from outside: the library needs no hook to be killed at a place that has a name. */
export function watchedStorage(storage: Storage, reached: Reached): Storage {
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
