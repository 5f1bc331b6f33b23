import { type CompiledQuery, type CreateTableBuilder, sql } from 'kysely'
import type { IdKinds } from '../../../src/index.ts'
import { type ColumnTypes, typeOf } from './column-types.ts'
import type { Column, Index, Table } from './columns.ts'
import type { Builder } from './query.ts'

const defaultOf = ({ kind, defaultTo }: Column, types: ColumnTypes) =>
  sql.lit(kind === 'flag' && types.flag === 'boolean' ? defaultTo !== 0 : defaultTo)

/**
 * Equalities joined by OR, not `in (...)`: SQLite builds a temporary tree for a list of more than two words each time a
 * row is written, which costs more than the rest of the insert.
 */
function checkOf(name: string, column: Column) {
  if (column.checked === undefined || column.words === undefined) return undefined
  const words = [...column.words, ...column.checked.also]
  const equalities = words.map((word) => sql`${sql.ref(name)} = ${sql.lit(word)}`)
  return sql<boolean>`${sql.join(equalities, sql` or `)}`
}

export function createTable(db: Builder, name: string, table: Table, types: ColumnTypes, ids: IdKinds): CompiledQuery {
  let builder: CreateTableBuilder<string, string> = db.schema.createTable(name)
  for (const [columnName, column] of Object.entries(table.columns)) {
    builder = builder.addColumn(columnName, sql.raw(typeOf(column, types, ids)), (definition) => {
      const check = checkOf(columnName, column)
      let built = column.notNull === true && column.kind !== 'serial' ? definition.notNull() : definition
      if (column.defaultTo !== undefined) built = built.defaultTo(defaultOf(column, types))
      return check === undefined ? built : built.check(check)
    })
  }
  if (table.primaryKey !== undefined) builder = builder.addPrimaryKeyConstraint(`${name}_key`, [...table.primaryKey])
  if (table.clustered === true) builder = builder.modifyEnd(sql.raw(types.clustered))
  return builder.compile()
}

/** `schema` is named where the database has several. */
export function createIndex(db: Builder, table: string, index: Index, schema?: string): CompiledQuery {
  const unique = index.unique === true ? sql`unique ` : sql``
  const where = index.whereNotNull === undefined ? sql`` : sql` where ${sql.ref(index.whereNotNull)} is not null`
  const named = schema === undefined ? sql.id(table) : sql.id(schema, table)
  const columns = sql.join(index.columns.map((name) => sql.ref(name)))
  return sql`create ${unique}index ${sql.ref(index.name)} on ${named} (${columns})${where}`.compile(db)
}

/** For adopted tables. Never NOT NULL: a database cannot add that to a table; the library fills the column all the same. */
export function addColumn(
  db: Builder,
  table: string,
  name: string,
  column: Column,
  types: ColumnTypes,
  ids: IdKinds,
): CompiledQuery {
  return db.schema
    .alterTable(table)
    .addColumn(name, sql.raw(typeOf(column, types, ids)), (definition) => {
      const check = checkOf(name, column)
      return check === undefined ? definition : definition.check(check)
    })
    .compile()
}
