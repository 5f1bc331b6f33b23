import { importError } from './errors.ts'
import type { PostgresTarget, Source } from './source.ts'

async function modules() {
  const [source, bind, ddl, statements, lists, ids] = await Promise.all([
    import('./source.ts'),
    import('./bind.ts'),
    import('../kysely/ddl.ts'),
    import('../kysely/statements.ts'),
    import('../kysely/statements/lists.ts'),
    import('../kysely/codecs/ids.ts'),
  ])
  return { ...source, ...bind, ddl, ...statements, lists, idCodec: ids.idCodec }
}

/** What needs Kysely to be loaded. */
export type Library = Awaited<ReturnType<typeof modules>>

/** Vendors are loaded here, at first use, so that a missing package is an error that says what to install. */
export async function load(target: PostgresTarget): Promise<{ readonly library: Library; readonly source: Source }> {
  try {
    const library = await modules()
    if (!('url' in target)) return { library, source: library.openSource(target) }
    const { ownPool } = await import('./own-pool.ts')
    return { library, source: ownPool(target.url, target.connections) }
  } catch (error) {
    throw importError(error)
  }
}
