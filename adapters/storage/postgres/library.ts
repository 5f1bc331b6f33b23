import { importError } from './errors.ts'
import type { Limits } from './limits.ts'
import { poolSource } from './pool-source.ts'
import type { PostgresTarget, Source } from './source.ts'

/** What needs Kysely to be loaded. */
export type PostgresModules = typeof import('./modules.ts')

type Loaded = { readonly library: PostgresModules; readonly source: Source }

/** Vendors are loaded here, at first use, so that a missing package is an error that says what to install. */
export async function load(target: PostgresTarget, limits: Limits): Promise<Loaded> {
  try {
    const library = await import('./modules.ts')
    if ('kysely' in target) return { library, source: library.kyselySource(target.kysely, limits) }
    if ('pool' in target) {
      return { library, source: poolSource(target.pool, limits, { isOwn: false, end: async () => {} }) }
    }
    const { ownPool } = await import('./own-pool.ts')
    return { library, source: ownPool(target.url, target.connections, limits) }
  } catch (error) {
    throw importError(error)
  }
}
