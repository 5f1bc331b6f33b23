import type { Engine } from './engine.ts'
import { quoted } from './names.ts'
import { channelOf } from './notify.ts'
import type { PgClient } from './vendor.ts'

const retryMs = { first: 500, most: 30_000 }

/**
 * Commits of other processes that make something due earlier, heard by LISTEN on a connection that is kept while somebody
 * listens. A connection that breaks is replaced, with growing pauses, and the listeners are called once afterwards, because
 * what happened in between was told to nobody. Keeps no process alive.
 */
export function watchForeignChanges(engine: Engine) {
  const listeners = new Set<() => void>()
  /** The attempt that counts: one that was stopped or replaced ends by itself. */
  let current: { client?: PgClient; timer?: NodeJS.Timeout } | undefined

  const call = () => {
    for (const listener of listeners) listener()
  }

  async function listenAgain(attempt: number, missed: boolean): Promise<void> {
    const own: NonNullable<typeof current> = {}
    current = own
    const again = (next: number) => {
      if (current !== own) return
      own.client?.release(true)
      delete own.client
      own.timer = setTimeout(() => void listenAgain(next, true), Math.min(retryMs.most, retryMs.first * 2 ** attempt))
      own.timer.unref()
    }
    try {
      const { dedicated } = await engine.source()
      if (dedicated === null || current !== own) return
      const client = await dedicated()
      if (current !== own) return client.release(true)
      own.client = client
      client.on('error', () => again(0))
      client.on('notification', ({ channel, payload }) => {
        if (channel === channelOf(engine.schema) && payload !== engine.instance) call()
      })
      const types = { getTypeParser: () => (text: string) => text }
      await client.query({ text: `listen ${quoted(channelOf(engine.schema))}`, values: [], types })
      if (missed) call()
    } catch {
      // A hint only: the slow sweep finds what nobody was told of.
      again(attempt + 1)
    }
  }

  function stop() {
    const { client, timer } = current ?? {}
    current = undefined
    clearTimeout(timer)
    client?.release(true)
  }

  return {
    listen(listener: () => void): () => void {
      const own = () => listener()
      listeners.add(own)
      if (current === undefined) void listenAgain(0, false)
      return () => {
        listeners.delete(own)
        if (listeners.size === 0) stop()
      }
    },
    stop() {
      listeners.clear()
      stop()
    },
  }
}
