import { CompiledQuery } from 'kysely'
import type { StatementNames } from './statement-names.ts'
import type { PgClient, PgExecutor, PgKysely, PgPool, PgRow } from './vendor.ts'

/** Where connections come from. */
export type PostgresTarget =
  | { readonly url: string; readonly connections: number }
  | { readonly pool: PgPool }
  | { readonly kysely: PgKysely }

export type Answer<R> = { readonly rows: R[]; readonly count: number }
/** Runs one statement. Values arrive as the database wrote them, or as the host's settings read them. */
export type Run = <R extends PgRow>(sql: string, values?: readonly unknown[]) => Promise<Answer<R>>

export type Lending = {
  /** Whether the connection cannot be used again after this error. */
  readonly broken: (error: unknown) => boolean
  /** Names for statements that the connection is to prepare once; without, each is parsed and planned whenever it runs. */
  readonly names?: StatementNames
}

export type Source = {
  /** Lends one connection for as long as the work takes. */
  session<T>(work: (run: Run) => Promise<T>, lending: Lending): Promise<T>
  /** A connection to keep, for notifications; none where the host's Kysely hides its connections. */
  readonly dedicated: (() => Promise<PgClient>) | null
  close(): Promise<void>
}

/** Text as the server wrote it: what a host changed in pg's parsers does not reach the library. */
const asText = { getTypeParser: () => (text: string) => text }

// A connection that breaks tells its client too, and an event that nobody hears ends the process.
export const ignore = () => {}

export const runOn =
  (client: Pick<PgClient, 'query'>, names?: StatementNames): Run =>
  async <R extends PgRow>(text: string, values: readonly unknown[] = []) => {
    const name = values.length === 0 ? undefined : names?.of(text)
    const { rows, rowCount } = await client.query<R>({
      ...(name && { name }),
      text,
      values: [...values],
      types: asText,
    })
    return { rows, count: rowCount ?? 0 }
  }

/**
 * By callback, because it is called at once: between a promise and what follows it the connection may break, and nobody
 * would be listening.
 */
const checkOut = (pool: PgPool): Promise<PgClient> =>
  new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      client?.on('error', ignore)
      if (client === undefined) reject(error)
      else resolve(client)
    })
  })

export function poolSource(pool: PgPool, end: () => Promise<void>): Source {
  return {
    async session(work, { broken, names }) {
      const client = await checkOut(pool)
      let destroy = false
      try {
        return await work(runOn(client, names))
      } catch (error) {
        destroy = broken(error)
        throw error
      } finally {
        client.release(destroy)
        // A connection that broke may say so once more, when its socket closes.
        if (!destroy) client.removeListener('error', ignore)
      }
    },
    dedicated: () => checkOut(pool),
    close: end,
  }
}

/** On one connection, without the host's plugins. */
export function runOnKysely(host: PgExecutor): Run {
  const plain = host.withoutPlugins()
  return async <R extends PgRow>(text: string, values: readonly unknown[] = []) => {
    const { rows, numAffectedRows } = await plain.executeQuery<R>(CompiledQuery.raw(text, [...values]))
    return { rows, count: Number(numAffectedRows ?? rows.length) }
  }
}

function kyselySource(host: PgKysely): Source {
  return {
    session: (work) => host.connection().execute((db) => work(runOnKysely(db))),
    dedicated: null,
    close: async () => {},
  }
}

export const openSource = (target: Exclude<PostgresTarget, { readonly url: string }>): Source =>
  'pool' in target ? poolSource(target.pool, async () => {}) : kyselySource(target.kysely)
