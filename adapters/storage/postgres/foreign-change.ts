import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from '../../../src/index.ts'
import { silentLogger } from '../../../src/ports/logger.ts'
import { listenersFor } from '../kysely/listeners.ts'
import type { Engine } from './engine.ts'
import { quoted } from './names.ts'
import { channelOf } from './notify.ts'
import { discard, runOn } from './source.ts'
import type { PgClient } from './vendor.ts'

const retryMs = { first: 500, most: 30_000 }
/** A notification of our own is heard within this time, or never will be. */
const hearingMs = 2000
/** One that does not hear, although it lives, is behind something that will not change soon. */
const deafMs = 10 * 60_000

const sweeps = 'what other processes make due is found by the sweep only'
const noneToSpare = `postgres: no connection can be kept for notifications, because the pool has fewer than 3; ${sweeps}`
const unheard = `postgres: notifications do not arrive, as behind a pooler in transaction mode; ${sweeps}`

/** An attempt to listen; only the current one counts. */
type Attempt = { client?: PgClient; timer?: NodeJS.Timeout; heard?: () => void }

/**
 * Commits of other processes that make something due earlier, heard by LISTEN on a connection that is kept while somebody
 * listens. Because such a connection may die without a word, and a pooler may take the LISTEN and deliver nothing, it hears a
 * notification of its own from time to time. One that breaks is replaced, with growing pauses, and the listeners are called
 * once afterwards, because nobody was notified of what happened in between. Keeps no process alive.
 */
export function watchForeignChanges(engine: Engine, proofEveryMs = 15_000) {
  /** Heard by this process alone. */
  const ownChannel = `appointment_notifications:${engine.instance}`
  /** Said again, it changes nothing: so it also asks whether the connection lives. */
  const listening = `listen ${quoted(ownChannel)}; listen ${quoted(channelOf(engine.schema))}`
  let logger: Logger = silentLogger
  let current: Attempt | undefined
  let isSilenceTold = false

  function tellOnce(message: string): void {
    if (!isSilenceTold) logger.warn(message)
    isSilenceTold = true
  }

  function later(own: Attempt, ms: number, next: () => void): void {
    if (current !== own) return
    own.timer = setTimeout(next, ms)
    own.timer.unref()
  }

  function giveUp(own: Attempt, pauseMs: number, attempt: number): void {
    if (current !== own) return
    clearTimeout(own.timer)
    if (own.client !== undefined) discard(own.client)
    delete own.client
    later(own, pauseMs, () => void listenAgain(attempt, true))
  }

  /** True if a notification of our own arrived; null if it could not be sent. */
  async function hears(own: Attempt): Promise<boolean | null> {
    const heard = new Promise<boolean>((resolve) => {
      own.heard = () => resolve(true)
    })
    const isSent = await engine
      .read(({ run }) => run('select pg_notify($1, $2)', [ownChannel, '']))
      .then(
        () => true,
        () => false,
      )
    return isSent ? Promise.race([heard, wait(hearingMs, false, { ref: false })]) : null
  }

  async function prove(own: Attempt, client: PgClient): Promise<void> {
    await runOn(client, hearingMs)(listening)
    const doesHear = await hears(own)
    if (current !== own) return
    if (doesHear === false) {
      // It may have died meanwhile: only one that lives is deaf.
      await runOn(client, hearingMs)(listening)
      if (current !== own) return
      tellOnce(unheard)
      return giveUp(own, deafMs, 0)
    }
    if (doesHear === true) isSilenceTold = false
    later(own, proofEveryMs, () => void prove(own, client).catch(() => giveUp(own, retryMs.first, 0)))
  }

  async function listenAgain(attempt: number, missed: boolean): Promise<void> {
    const own: Attempt = {}
    current = own
    try {
      const { dedicated } = await engine.source()
      if (current !== own) return
      if (dedicated === null) return tellOnce(noneToSpare)
      const client = await dedicated()
      if (current !== own) return discard(client)
      own.client = client
      client.on('error', () => giveUp(own, retryMs.first, 0))
      client.on('notification', ({ channel, payload }) => {
        if (channel === ownChannel) own.heard?.()
        else if (channel === channelOf(engine.schema) && payload !== engine.instance) listeners.call()
      })
      await runOn(client, hearingMs)(listening)
      if (missed) listeners.call()
      await prove(own, client)
    } catch {
      // A hint only: the slow sweep finds what nobody was told of.
      giveUp(own, Math.min(retryMs.most, retryMs.first * 2 ** attempt), attempt + 1)
    }
  }

  function end() {
    const { client, timer } = current ?? {}
    current = undefined
    clearTimeout(timer)
    if (client !== undefined) discard(client)
  }

  const listeners = listenersFor(() => void listenAgain(0, false), end)
  return {
    ...listeners,
    listen(listener: () => void, given?: Logger): () => void {
      if (given !== undefined) logger = given
      return listeners.listen(listener)
    },
  }
}
