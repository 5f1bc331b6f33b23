import { type CompiledQuery, type CreateTableBuilder, sql } from 'kysely'
import type { IdKinds } from '../../../src/index.ts'
import type * as records from '../../../src/records/index.ts'
import { type ColumnTypes, typeOf } from './column-types.ts'
import { type Builder, type Param, query } from './query.ts'

const defaultOf = ({ kind, defaultTo }: records.Column, types: ColumnTypes) =>
  sql.lit(kind === 'flag' && types.flag === 'boolean' ? defaultTo !== 0 : defaultTo)

/**
 * No CHECKs: what a column may hold is checked where it comes in and by the types inside, and a list of words in the
 * database would have to be altered for every new one.
 */
export function createTable(
  db: Builder,
  name: string,
  table: records.Table,
  types: ColumnTypes,
  ids: IdKinds,
): CompiledQuery {
  let builder: CreateTableBuilder<string, string> = db.schema.createTable(name)
  for (const [columnName, column] of Object.entries(table.columns)) {
    builder = builder.addColumn(columnName, sql.raw(typeOf(column, types, ids)), (definition) => {
      const built = column.notNull === true && column.kind !== 'serial' ? definition.notNull() : definition
      return column.defaultTo === undefined ? built : built.defaultTo(defaultOf(column, types))
    })
  }
  if (table.primaryKey !== undefined) builder = builder.addPrimaryKeyConstraint(`${name}_key`, [...table.primaryKey])
  if (table.clustered === true) builder = builder.modifyEnd(sql.raw(types.clustered))
  if (table.fillFactor !== undefined) builder = builder.modifyEnd(sql.raw(types.filledTo(table.fillFactor)))
  return builder.compile()
}

/** A row of the ledger. It is there already where a process was interrupted after it had committed it. */
export const ledgerEntry = (db: Builder, table: string) =>
  query((p: Param<records.RowOf<typeof records.ledger>>) =>
    sql`insert into ${sql.raw(table)} as l (version, name, applied_at, ids, oldest, finished_at)
      values (${p('version')}, ${p('name')}, ${p('applied_at')}, ${p('ids')}, ${p('oldest')}, ${p('finished_at')})
      on conflict (version) do update set finished_at = coalesce(l.finished_at, excluded.finished_at)`.compile(db),
  )

/** `schema` is named where the database has several; `concurrently` where writers must not wait. */
export function createIndex(
  db: Builder,
  table: string,
  index: records.Index,
  { schema, concurrently = false }: { readonly schema?: string; readonly concurrently?: boolean } = {},
): CompiledQuery {
  const unique = index.unique === true ? sql`unique ` : sql``
  const way = concurrently ? sql`concurrently if not exists ` : sql``
  const { whereNotNull, whereNull = [], whereIs } = index
  const conditions = [
    ...(whereNotNull === undefined ? [] : [sql`${sql.ref(whereNotNull)} is not null`]),
    ...whereNull.map((name) => sql`${sql.ref(name)} is null`),
    ...(whereIs === undefined ? [] : [sql`${sql.ref(whereIs.column)} = ${sql.lit(whereIs.word)}`]),
  ]
  const where = conditions.length === 0 ? sql`` : sql` where ${sql.join(conditions, sql` and `)}`
  const named = schema === undefined ? sql.id(table) : sql.id(schema, table)
  const columns = sql.join(index.columns.map((name) => sql.ref(name)))
  return sql`create ${unique}index ${way}${sql.ref(index.name)} on ${named} (${columns})${where}`.compile(db)
}

/**
 * Without NOT NULL, which a database cannot add to a table with rows, and without a default: rows that are there did not
 * choose it. The library fills the column all the same.
 */
export const addColumn = (
  db: Builder,
  table: string,
  name: string,
  column: records.Column,
  types: ColumnTypes,
  ids: IdKinds,
): CompiledQuery =>
  db.schema
    .alterTable(table)
    .addColumn(name, sql.raw(typeOf(column, types, ids)))
    .compile()
