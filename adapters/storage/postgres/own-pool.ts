import pg from 'pg'
import type { Limits } from './limits.ts'
import { ignore, poolSource } from './pool-source.ts'
import type { Source } from './source.ts'

/** When a connection that is silent is first asked by the system whether it still lives; at the latest 10 s later it is dead. */
const keepAliveMs = 10_000

/** The library's own connections. This file is the only one that loads pg. */
export function ownPool(url: string, connections: number, limits: Limits): Source {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: limits.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
    // The library keeps no process alive by being open.
    allowExitOnIdle: true,
    application_name: 'appointment-notifications',
  })
  pool.on('error', ignore)
  return poolSource(pool, limits, { isOwn: true, end: () => pool.end() })
}
