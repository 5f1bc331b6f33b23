import type { Logger, MigrateOptions } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { ColumnTypes } from './column-types.ts'
import type * as ddl from './ddl.ts'
import {
  type Change,
  type ChangeOf,
  carrySql,
  foreignTables,
  type LedgerState,
  latestOf,
  type Migration,
  refuse,
  requireMigratable,
  type Schema,
} from './migrations.ts'
import type { Answer, Bind, Builder, Mode } from './query.ts'
import { type Steps, wait } from './runner.ts'

/** What a migration works with, inside its transaction. */
export type Migrating<M extends Mode> = {
  readonly builder: Builder
  readonly ddl: typeof ddl
  readonly types: ColumnTypes
  /** Of the tables, where the database has several. */
  readonly schema?: string
  readonly definition: Schema
  readonly ids: MigrateOptions['ids']
  readonly logger: Logger | undefined
  /** Runs a statement and records it. */
  readonly change: (sql: string) => Answer<M, unknown>
  /** A table or an index as statements name it. */
  readonly named: (name: string) => string
  readonly hasTable: (name: string) => Answer<M, boolean>
  readonly bind: Bind<M>
  /** See `Change`. */
  readonly alter: (change: ChangeOf<'alter'>) => Answer<M, void>
  /** At once, or when those are there that stand in for them: until then whoever runs needs them. */
  readonly dropIndexes: (names: readonly string[]) => Answer<M, void>
  /** Removes CHECKs that list the words of one column: they would refuse the words to come. */
  readonly relax: (table: string) => Answer<M, void>
  readonly adoption: Adoption<M>
  /** Where tables of others are in the way, and what to do about it. */
  readonly place: readonly [where: string, remedy: string]
}

/** What a table is like, and what one of somebody else's has to be like. */
export type Adoption<M extends Mode> = {
  readonly columnsOf: (table: string) => Answer<M, readonly Existing[]>
  readonly isEmpty: (table: string) => Answer<M, boolean>
  /** What keeps the library from using the column, in words. */
  readonly misfit: (table: string, existing: Existing, column: records.Column) => Answer<M, string | null>
  /** @throws NotificationError where rows are not unique that have to be. */
  readonly requireUnique: (table: string, described: records.Table) => Answer<M, void>
}

/** A column that is there; `filled` by the database where nothing is given. */
export type Existing = {
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly filled: boolean
}

export const tableOf = ({ definition }: { readonly definition: Schema }, name: string): records.Table => {
  const table = definition.tables[name]
  if (table === undefined) throw new Error(`tables.ts describes no table ${name}`)
  return table
}

export const wordColumns = (table: records.Table): string[] =>
  Object.entries(table.columns).flatMap(([name, { isWord }]) => (isWord === true ? [name] : []))

function* make<M extends Mode>(migrating: Migrating<M>, name: string): Steps<void> {
  const { builder, ddl, types, ids, change } = migrating
  yield* wait(change(ddl.createTable(builder, name, tableOf(migrating, name), types, ids).sql))
}

/** All at once, so that a refusal names every table in the way. `known`: what is there was made by this library, which was interrupted. */
function* createTables<M extends Mode>(
  migrating: Migrating<M>,
  names: readonly string[],
  { adopting, known }: { readonly adopting: boolean; readonly known: boolean },
): Steps<void> {
  const present: string[] = []
  for (const name of names) if (yield* wait(migrating.hasTable(name))) present.push(name)
  const [where, remedy] = migrating.place
  if (present.length > 0 && !adopting && !known) throw foreignTables(where, present, remedy)
  for (const name of names) {
    if (present.includes(name)) {
      if (!known) yield* adopt(migrating, name)
      continue
    }
    yield* make(migrating, name)
    const { builder, ddl, schema, change } = migrating
    const at = schema === undefined ? {} : { schema }
    for (const index of tableOf(migrating, name).indexes)
      yield* wait(change(ddl.createIndex(builder, name, index, at).sql))
  }
}

function* columnsOf<M extends Mode>({ adoption }: Migrating<M>, table: string): Steps<string[]> {
  return (yield* wait(adoption.columnsOf(table))).map(({ name }) => name)
}

function* addColumns<M extends Mode>(migrating: Migrating<M>, table: string, names: readonly string[]): Steps<void> {
  const { builder, ddl, types, ids, change } = migrating
  const present = yield* columnsOf(migrating, table)
  for (const name of names) {
    const column = tableOf(migrating, table).columns[name]
    if (column === undefined || present.includes(name)) continue
    yield* wait(change(ddl.addColumn(builder, table, name, column, types, ids).sql))
  }
}

function* carryOut<M extends Mode>(
  migrating: Migrating<M>,
  change: Change,
  options: { readonly adopting: boolean; readonly known: boolean },
): Steps<void> {
  const { named } = migrating
  switch (change.kind) {
    case 'create':
      return yield* createTables(migrating, change.tables, options)
    case 'add':
      return yield* addColumns(migrating, change.table, change.columns)
    case 'carry':
      yield* wait(migrating.change(carrySql(change, named)))
      return
    case 'fill':
      // In small steps, once the structure is there.
      return
    case 'alter':
      return yield* wait(migrating.alter(change))
    case 'dropIndexes':
      return yield* wait(migrating.dropIndexes(change.names))
    case 'relax':
      for (const table of change.tables) yield* wait(migrating.relax(table))
      return
    case 'dropColumns': {
      const present = yield* columnsOf(migrating, change.table)
      for (const name of change.columns.filter((one) => present.includes(one)))
        yield* wait(migrating.change(`alter table ${named(change.table)} drop column "${name}"`))
    }
  }
}

/** What a migration is to do. */
export type Structure = {
  /** The migrations that were not finished before. */
  readonly open: readonly Migration[]
  readonly version: number
  readonly fills: readonly ChangeOf<'fill'>[]
}

/**
 * A database without a ledger gets the tables as they stand, any other what it lacks, version by version. Null: a newer version of the
 * library migrated it, and lets this one run.
 */
export function* structure<M extends Mode>(
  migrating: Migrating<M>,
  state: LedgerState | undefined,
  adopting: boolean,
): Steps<Structure | null> {
  const { definition, ids } = migrating
  const latest = latestOf(definition)
  requireMigratable(state, ids, latest)
  if (state !== undefined && state.version > latest) return null
  const open = definition.migrations.filter(({ version }) => version > (state?.finished ?? 0))
  if (state === undefined) yield* createTables(migrating, Object.keys(definition.tables), { adopting, known: false })
  const missing = state === undefined ? [] : open
  for (const { version, changes } of missing) {
    for (const change of changes)
      yield* carryOut(migrating, change, { adopting, known: version <= (state?.version ?? 0) })
  }
  const fills = missing.flatMap(({ changes }) => changes.filter((change) => change.kind === 'fill'))
  return { open, version: latest, fills }
}

/** The ledger itself has been without its last columns. `finishedAt` null: something is left to do. */
export function* keepLedger<M extends Mode>(
  migrating: Migrating<M>,
  open: readonly Migration[],
  at: Date,
  finishedAt: Date | null,
): Steps<void> {
  if (open.length === 0) return
  const { builder, ddl, types, ids, change, bind, named } = migrating
  const { ledgerName, ledger } = records
  const isThere = yield* wait(migrating.hasTable(ledgerName))
  const present = isThere ? yield* columnsOf(migrating, ledgerName) : Object.keys(ledger.columns)
  if (!isThere) yield* wait(change(ddl.createTable(builder, ledgerName, ledger, types, ids).sql))
  for (const name of ['oldest', 'finished_at'] as const) {
    if (present.includes(name)) continue
    yield* wait(change(ddl.addColumn(builder, ledgerName, name, ledger.columns[name], types, ids).sql))
  }
  const entry = bind(ddl.ledgerEntry(builder, named(ledgerName)))
  const same = { applied_at: at.getTime(), ids: JSON.stringify(ids), finished_at: finishedAt?.getTime() ?? null }
  for (const { version, name, oldest } of open) yield* wait(entry.run({ ...same, version, name, oldest }))
}

/**
 * Makes a same-named table of somebody else's usable, or says which column stands in the way. Nothing of theirs is dropped but CHECKs
 * that list words and indexes by the names of ours: columns are added, and only an empty table without columns of its own is made anew.
 */
function* adopt<M extends Mode>(migrating: Migrating<M>, name: string): Steps<void> {
  const { change, named, adoption } = migrating
  const table = tableOf(migrating, name)
  const found = yield* wait(adoption.columnsOf(name))
  const byName = new Map(found.map((column) => [column.name, column]))
  const isEmpty = yield* wait(adoption.isEmpty(name))
  const foreign = found.filter((column) => table.columns[column.name] === undefined)

  if (isEmpty && foreign.length === 0) {
    yield* wait(change(`drop table ${named(name)}`))
    yield* make(migrating, name)
  } else {
    const faults: (string | null)[] = foreign.map(demanding)
    for (const [columnName, column] of Object.entries(table.columns)) {
      const existing = byName.get(columnName)
      faults.push(
        existing === undefined
          ? missing(columnName, column, isEmpty, migrating.types)
          : yield* wait(adoption.misfit(name, existing, column)),
      )
    }
    const words = faults.filter((fault) => fault !== null)
    if (words.length > 0) {
      throw refuse(
        `The table ${name} cannot be adopted: ${words.join('; ')}. Change these columns, or rename the table and let the library make its own.`,
      )
    }
    yield* wait(migrating.relax(name))
    yield* addColumns(migrating, name, Object.keys(table.columns))
    if (!byName.has('live') && table.columns['live'] !== undefined)
      yield* wait(change(`update ${named(name)} set live = 1 where status <> 'CANCELLED'`))
    yield* wait(adoption.requireUnique(name, table))
  }
  // An index of theirs by the same name may be another one.
  for (const index of table.indexes) yield* wait(change(`drop index if exists ${named(index.name)}`))
}

/** A column of theirs that must be filled, which the library does not know how to. */
const demanding = ({ name, required, filled }: Existing): string | null =>
  required && !filled ? `its column ${name} is NOT NULL without a default, and the library does not know it` : null

function missing(name: string, column: records.Column, isEmpty: boolean, types: ColumnTypes): string | null {
  if (column.kind === 'serial') return `it lacks the column ${name} ${types.serial.toUpperCase()}`
  return column.notNull === true && !isEmpty ? `it has rows, and lacks the column ${name} that every row needs` : null
}
