import pg from 'pg'
import { ignore, poolSource, type Source } from './source.ts'

/** The library's own connections. This file is the only one that loads pg. */
export function ownPool(url: string, connections: number): Source {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: 5000,
    keepAlive: true,
    // The library keeps no process alive by being open.
    allowExitOnIdle: true,
    application_name: 'appointment-notifications',
  })
  pool.on('error', ignore)
  return poolSource(pool, () => pool.end())
}
