import type { Logger, MigrateOptions } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { ColumnTypes } from './column-types.ts'
import type * as ddl from './ddl.ts'
import { type Change, carrySql, foreignTables, refuse, type Schema } from './migrations.ts'
import type { Answer, Builder, Mode } from './query.ts'
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
  readonly columnsOf: (table: string) => Answer<M, string[]>
  /** Removes CHECKs that list the words of one column: they would refuse the words to come. */
  readonly relax: (table: string) => Answer<M, void>
  readonly adoption: Adoption<M>
  /** Where tables of others are in the way, and what to do about it. */
  readonly place: readonly [where: string, remedy: string]
}

/** What a table of somebody else's has to be like. */
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
export function* createTables<M extends Mode>(
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

function* addColumns<M extends Mode>(migrating: Migrating<M>, table: string, names: readonly string[]): Steps<void> {
  const { builder, ddl, types, ids, change } = migrating
  const present = yield* wait(migrating.columnsOf(table))
  for (const name of names) {
    const column = tableOf(migrating, table).columns[name]
    if (column === undefined || present.includes(name)) continue
    yield* wait(change(ddl.addColumn(builder, table, name, column, types, ids).sql))
  }
}

/** What is done at once on every database. */
type Plain = Exclude<Change, { readonly kind: 'fill' | 'alter' | 'dropIndexes' }>

export function* carryOut<M extends Mode>(
  migrating: Migrating<M>,
  change: Plain,
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
    case 'relax':
      for (const table of change.tables) yield* wait(migrating.relax(table))
      return
    case 'dropColumns': {
      const present = yield* wait(migrating.columnsOf(change.table))
      for (const name of change.columns.filter((one) => present.includes(one)))
        yield* wait(migrating.change(`alter table ${named(change.table)} drop column "${name}"`))
    }
  }
}

/** The ledger itself has been without its last columns. */
export function* keepLedger<M extends Mode>({ builder, ddl, types, ids, ...migrating }: Migrating<M>): Steps<void> {
  const { ledgerName, ledger } = records
  if (!(yield* wait(migrating.hasTable(ledgerName)))) {
    yield* wait(migrating.change(ddl.createTable(builder, ledgerName, ledger, types, ids).sql))
    return
  }
  const present = yield* wait(migrating.columnsOf(ledgerName))
  for (const name of ['oldest', 'finished_at'] as const) {
    if (present.includes(name)) continue
    yield* wait(migrating.change(ddl.addColumn(builder, ledgerName, name, ledger.columns[name], types, ids).sql))
  }
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
