import { Socket } from 'node:net'
import pg from 'pg'
import type { Limits } from './limits.ts'
import { poolSource } from './pool-source.ts'
import { ignore, type Source } from './source.ts'

/** When a connection that is silent is first asked by the system whether it still lives; at the latest 10 s later it is dead. */
const keepAliveMs = 10_000

/**
 * Sends the statements of one turn together: to write is the dearest part of a small statement, and each packet wakes the server. pg
 * corks its stream for the messages of a statement.
 */
class Packets extends Socket {
  #isHeld = false

  override cork(): void {
    super.cork()
    if (this.#isHeld) return
    this.#isHeld = true
    super.cork()
    process.nextTick(() => {
      this.#isHeld = false
      this.uncork()
    })
  }
}

/** The library's own connections. This file is the only one that loads pg. */
export function ownPool(url: string, connections: number, limits: Limits): Source {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: limits.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
    // A pg that knows no pipelines sends one statement after the other.
    pipeline: true,
    stream: () => new Packets(),
    // The library keeps no process alive by being open.
    allowExitOnIdle: true,
    application_name: 'appointment-notifications',
  })
  pool.on('error', ignore)
  return poolSource(pool, limits, { isOwn: true, end: () => pool.end() })
}
