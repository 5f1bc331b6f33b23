/**
 * The slices of pg and Kysely that are used. Rows are typed by the caller, who alone knows what a statement selects;
 * what their columns hold is brought into the library's form in `values.ts`.
 */
export type PgRow = { [column: string]: unknown }
export type PgResult<R> = { rows: R[]; rowCount: number | null }

export interface PgQuery {
  /** The connection prepares the statement under it, once. */
  name?: string
  text: string
  values: unknown[]
  /** How values are read, by the number of their type: without it, as the process has set it for all its clients. */
  types: { getTypeParser(): (text: string) => unknown }
}

/** A client of a pool. */
export interface PgClient {
  /** The server's process, as the server reported it; a pooler makes one up. */
  readonly processID?: number | null
  /** It sends a query before those before it are answered. */
  readonly pipeline?: boolean
  readonly connection?: { readonly stream?: { destroy(): unknown } }
  query<R extends PgRow>(query: PgQuery): Promise<PgResult<R>>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'end', listener: () => void): unknown
  on(event: 'notification', listener: (message: { channel: string; payload?: string | undefined }) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
  release(destroy?: boolean): void
}

/** A `pg.Pool`. */
export interface PgPool {
  readonly options?: { readonly max?: number | undefined } | undefined
  readonly idleCount?: number
  connect(callback: (error: Error | undefined, client: PgClient | undefined) => void): void
}

/**
 * What Kysely executes: one of its compiled queries, or what compiles to one. Wide enough that every Kysely accepts it,
 * and spelt out here, so that whoever has no Kysely installed can still read the library's types.
 */
export type PgExecutable = { readonly sql: string; readonly parameters: readonly unknown[] } | { compile(): unknown }

/** A `Kysely` over pg, or a transaction of one. */
export interface PgExecutor {
  withoutPlugins(): PgExecutor
  executeQuery<R>(query: PgExecutable): Promise<{ readonly rows: R[]; readonly numAffectedRows?: bigint }>
}
export interface PgKysely extends PgExecutor {
  connection(): { execute<T>(work: (db: PgExecutor) => Promise<T>): Promise<T> }
}
