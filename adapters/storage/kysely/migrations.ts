import { NotificationError } from '../../../src/errors.ts'
import type { IdKinds, Logger } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { migrations } from './every-migration.ts'

/**
 * One step of a version, for databases that have tables of an earlier one. A new database is made from `tables.ts` as it
 * stands and gets all versions at once. So a step looks at what is there and does what is missing: run twice, it changes
 * nothing the second time. Indexes need no step: those of `tables.ts` that are missing are built at the end of a migration,
 * without holding up writers.
 */
export type Change =
  | { readonly kind: 'create'; readonly tables: readonly string[] }
  /** Columns of the type that `tables.ts` gives them, neither NOT NULL nor with a default: the library before writes rows too. */
  | { readonly kind: 'add'; readonly table: string; readonly columns: readonly string[] }
  /**
   * Rows that `where` finds get `set`, in small steps where there are many. Both in SQL that every database takes; `$random` is
   * 32 hexadecimal digits, others for each row.
   */
  | { readonly kind: 'fill'; readonly table: string; readonly set: string; readonly where: string }
  /** Rows of one table as rows of another: `values` in SQL that every database takes. What is there already stays. */
  | {
      readonly kind: 'carry'
      readonly from: string
      readonly to: string
      readonly values: Readonly<Record<string, string>>
    }
  /** Removes CHECKs that list the words of one column: every new word would have to alter them. */
  | { readonly kind: 'relax'; readonly tables: readonly string[] }
  /**
   * What else can be done to a table, and does not change how its rows are stored: SQLite gets a new definition, made from the one it
   * has; Postgres runs statements about the table by its qualified name. Both return nothing to do where it is done.
   */
  | {
      readonly kind: 'alter'
      readonly table: string
      readonly sqlite: (definition: string) => string
      readonly postgres: (table: string) => readonly string[]
    }
  | { readonly kind: 'dropColumns'; readonly table: string; readonly columns: readonly string[] }
  | { readonly kind: 'dropIndexes'; readonly names: readonly string[] }
export type ChangeOf<K extends Change['kind']> = Extract<Change, { readonly kind: K }>

/**
 * Append-only: what was published is never edited. Expand first, contract a release later: a version only adds, and the
 * release after it removes what nobody uses any more, so that two releases can run side by side during a deployment.
 */
export type Migration = {
  readonly version: number
  readonly name: string
  /** The migrations that the oldest library knows which may still run on such a database. */
  readonly oldest: number
  readonly changes: readonly Change[]
}

/** Tables as they are to be, and how they come to be so. */
export type Schema = {
  readonly tables: Readonly<Record<string, records.Table>>
  readonly migrations: readonly Migration[]
}

/** `named`: how the database writes the name of a table. */
export function carrySql({ from, to, values }: Change & { kind: 'carry' }, named: (table: string) => string): string {
  const columns = Object.keys(values)
  return `insert into ${named(to)} (${columns.join(', ')}) select ${Object.values(values).join(', ')} from ${named(from)} where true on conflict do nothing`
}

/** `random`: as `$random` is written in the database. */
export const fillSet = ({ set }: Change & { kind: 'fill' }, random: string): string => set.replaceAll('$random', random)

export const librarySchema: Schema = { tables: records.tables, migrations }

export const latestOf = ({ migrations: known }: Pick<Schema, 'migrations'>): number =>
  Math.max(...known.map(({ version }) => version))
export const latestVersion = latestOf(librarySchema)

/** One row of the ledger: a migration that ran here, or is running. */
export type LedgerRow = {
  readonly version: number
  readonly ids: IdKinds
  /** Null: written by a library that knew nothing of older ones beside it. */
  readonly oldest: number | null
  /** Null where rows are still being filled or indexes built, or where the process that did so was killed. */
  readonly finishedAt: unknown
}

/** What the ledger says of a database. */
export type LedgerState = {
  readonly version: number
  readonly ids: IdKinds
  /** Only libraries that know this migration may run. */
  readonly oldest: number
  /** Up to where everything is done. */
  readonly finished: number
}

/** Undefined for a ledger without rows. Before version 4 a row was written when all was done. */
export function ledgerState(rows: readonly LedgerRow[]): LedgerState | undefined {
  const ordered = rows.toSorted((one, other) => one.version - other.version)
  const last = ordered.at(-1)
  if (last === undefined) return undefined
  const open = ordered.find(({ version, finishedAt }) => version > 3 && finishedAt === null)
  return {
    version: last.version,
    ids: last.ids,
    oldest: Math.max(...ordered.map(({ version, oldest }) => oldest ?? (version > 3 ? version : 1))),
    finished: open === undefined ? last.version : open.version - 1,
  }
}

/** @throws NotificationError where this library may not work on the database as it is. */
export function requireUsable(state: LedgerState | undefined, latest = latestVersion): LedgerState {
  if (state === undefined) {
    throw new NotificationError('migration_missing', 'The tables are missing. Call migrate() before anything else.')
  }
  if (state.oldest > latest) throw new NotificationError('library_outdated', outdatedText(state, latest))
  if (state.finished < latest) {
    throw new NotificationError(
      'migration_missing',
      `The tables are at migration ${state.finished}, and this version of the library needs migration ${latest}. Call migrate() before anything else.`,
    )
  }
  return state
}

const outdatedText = ({ version, oldest }: LedgerState, latest: number): string =>
  `A newer version of this library migrated the database to migration ${version}, which needs a version that knows migration ${oldest}; this one knows up to ${latest}. Install a newer version, or restore the database.`

/** @throws NotificationError where this library may not migrate the database. */
export function requireMigratable(state: LedgerState | undefined, ids: IdKinds, latest: number): void {
  if (state === undefined) return
  if (state.oldest > latest) throw refuse(outdatedText(state, latest))
  const entities = ['appointment', 'recipient', 'waitlistEntry'] as const
  const changed = entities
    .filter((entity) => state.ids[entity] !== ids[entity])
    .map((entity) => `${entity} is ${state.ids[entity]} in the database and ${ids[entity]} in the options`)
  if (changed.length === 0) return
  throw refuse(
    `The tables were created with other kinds of ids: ${changed.join('; ')}. Restore the option "ids", or move the data to new tables.`,
  )
}

export const refuse = (message: string, cause?: unknown): NotificationError =>
  new NotificationError('migration_refused', message, cause === undefined ? {} : { cause })

export const foreignTables = (where: string, names: readonly string[], remedy: string): NotificationError =>
  refuse(
    `${where} already has tables with these names that this library did not create: ${names.join(', ')}. ` +
      `${remedy}, or call migrate({ adopt: true }) to use them.`,
  )

export const uniqueFault = (table: string, { columns }: records.Index, cause: unknown): NotificationError =>
  refuse(
    `The table ${table} cannot be used: it has several rows with the same ${columns.join(', ')}. Remove all but one.`,
    cause,
  )

/** How long a migration waits for another process that migrates, or for a host that keeps a table locked. */
export const migrationPatienceMs = 10 * 60_000
const reportEveryMs = 5000

/** Reports how far work is that takes long: every five seconds, and at its end. */
export function progressOf(logger: Logger | undefined, what: string, total: number): (done: number) => void {
  const began = performance.now()
  let reportedAt = began
  return (done) => {
    const now = performance.now()
    const isLong = now - began >= reportEveryMs
    if (!isLong || (now - reportedAt < reportEveryMs && done < total)) return
    reportedAt = now
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total)
    logger?.warn(`migration: ${what}`, { done, total, percent, seconds: Math.round((now - began) / 1000) })
  }
}
