/** Rows as they lie in a database, without the library: what it left there, and what a piece of its work changed. */
import Database from 'better-sqlite3'
import type pg from 'pg'
import { z } from 'zod'
import { hostTables } from './host.ts'

const rowSchema = z.record(z.string(), z.unknown())
export type Row = Readonly<z.infer<typeof rowSchema>>
export type Table = { readonly name: string; readonly key: readonly string[]; readonly rows: readonly Row[] }

/** Between two readings of a table. */
export type TableChanges = Omit<Table, 'rows'> & {
  readonly inserted: readonly Row[]
  /** Whole rows, and which of their columns changed. */
  readonly updated: readonly Row[]
  readonly columns: readonly string[]
  readonly deleted: readonly Row[]
}

/** The library's own settings, so that durability is the same: a commit is on the disk before it returns. */
export function openRaw(path: string): Database.Database {
  const database = new Database(path)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.pragma('cache_size = -65536')
  database.pragma('temp_store = MEMORY')
  database.pragma('wal_autocheckpoint = 4000')
  return database
}

/** Tables of the library that have a key; `only` those of these names. */
const isRead = (name: string, key: readonly string[], only: readonly string[] | undefined) =>
  key.length > 0 && !hostTables.includes(name) && (only?.includes(name) ?? true)

export const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join()

export function sqliteTables(path: string, only?: readonly string[]): Table[] {
  const database = openRaw(path)
  const keyed = database.prepare<[], { name: string; keys: string }>(`
    select t.name, (select json_group_array(name) from (
      select name from pragma_table_info(t.name) where pk > 0 order by pk)) as keys
    from sqlite_schema t where t.type = 'table' and t.name not like 'sqlite_%' order by t.name`)
  const tables = keyed.all().flatMap(({ name, keys }) => {
    const key = z.array(z.string()).parse(JSON.parse(keys))
    if (!isRead(name, key, only)) return []
    return [{ name, key, rows: database.prepare<[], Row>(`select * from "${name}" order by ${quoted(key)}`).all() }]
  })
  database.close()
  return tables
}

/** Rows are JSON on Postgres: that keeps every digit, and is what they are written from again. */
export async function postgresTables(client: pg.Client, only?: readonly string[]): Promise<Table[]> {
  const { rows: keyed } = await client.query<{ name: string; key: string[] }>(`
    select c.relname as name, array_agg(a.attname::text order by array_position(i.indkey::int2[], a.attnum)) as key
    from pg_index i join pg_class c on c.oid = i.indrelid join pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey)
    where i.indisprimary and c.relnamespace = 'public'::regnamespace group by 1 order by 1`)
  const tables: Table[] = []
  for (const { name, key } of keyed.filter((table) => isRead(table.name, table.key, only))) {
    const { rows } = await client.query<{ row: Row }>(
      `select to_jsonb(t) as row from "${name}" t order by ${quoted(key)}`,
    )
    tables.push({ name, key, rows: rows.map(({ row }) => row) })
  }
  return tables
}

/** What happened between two readings. Rows that came and went in between, or changed twice, are not seen as such. */
export function changesBetween(before: readonly Table[], after: readonly Table[]): TableChanges[] {
  return after.flatMap(({ name, key, rows }) => {
    const identity = (row: Row) => JSON.stringify(key.map((column) => row[column]))
    const old = new Map(before.find((table) => table.name === name)?.rows.map((row) => [identity(row), row]))
    const [inserted, updated, columns]: [Row[], Row[], Set<string>] = [[], [], new Set()]
    for (const row of rows) {
      const known = old.get(identity(row))
      old.delete(identity(row))
      if (known === undefined) inserted.push(row)
      else {
        const differing = Object.keys(row).filter(
          (column) => JSON.stringify(row[column]) !== JSON.stringify(known[column]),
        )
        for (const column of differing) columns.add(column)
        if (differing.length > 0) updated.push(row)
      }
    }
    const changes = { name, key, inserted, updated, columns: [...columns], deleted: [...old.values()] }
    return inserted.length + updated.length + old.size > 0 ? [changes] : []
  })
}

/** Cut in pieces of about the same size. */
export function inPieces(changes: readonly TableChanges[], pieces: number): TableChanges[][] {
  return Array.from({ length: pieces }, (_, piece) => {
    const part = (rows: readonly Row[]) =>
      rows.slice(Math.floor((piece * rows.length) / pieces), Math.floor(((piece + 1) * rows.length) / pieces))
    return changes.map((table) => ({
      ...table,
      inserted: part(table.inserted),
      updated: part(table.updated),
      deleted: part(table.deleted),
    }))
  })
}
