import Database from 'better-sqlite3'
import type pg from 'pg'
import { z } from 'zod'

export type Row = Readonly<Record<string, unknown>>
export type TableRows = { readonly table: string; readonly rows: readonly Row[] }

/** What planning writes, in the order in which it does; and what is found in the order of its insertion. */
const planned = [
  { table: 'reminder_plans', order: 'id' },
  { table: 'reminder_plan_recipients', order: 'plan_id' },
  { table: 'appointment_reminders', order: 'id' },
  { table: 'notification_decisions', order: 'id' },
] as const

/** The library's own settings, so that durability is the same: a commit is on the disk before it is told. */
export function openRaw(path: string): Database.Database {
  const database = new Database(path)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.pragma('cache_size = -65536')
  database.pragma('temp_store = MEMORY')
  database.pragma('wal_autocheckpoint = 4000')
  return database
}

export const sqliteRows = (database: Database.Database): TableRows[] =>
  planned.map(({ table, order }) => ({
    table,
    rows: database.prepare<unknown[], Row>(`select * from ${table} order by ${order}`).all(),
  }))

const rowSchema = z.record(z.string(), z.unknown())

export async function postgresRows(client: pg.Client): Promise<TableRows[]> {
  const read: TableRows[] = []
  for (const { table, order } of planned) {
    const { rows } = await client.query(`select * from ${table} order by ${order}`)
    read.push({ table, rows: z.array(rowSchema).parse(rows) })
  }
  return read
}

/** The rows that planning `appointments` wrote, cut in pieces of `batch` appointments. */
export const inPieces = (parts: readonly TableRows[], appointments: number, batch: number): TableRows[][] =>
  Array.from({ length: Math.ceil(appointments / batch) }, (_, index) =>
    parts.map(({ table, rows }) => {
      const each = rows.length / appointments
      return { table, rows: rows.slice(index * batch * each, (index + 1) * batch * each) }
    }),
  )

/** Inserts each piece in a transaction of its own. The values are taken out of the rows before. */
export function sqliteInserter(database: Database.Database, pieces: readonly (readonly TableRows[])[]): () => void {
  const statements = new Map<string, Database.Statement<unknown[]>>()
  const prepared = pieces.map((piece) =>
    piece.map(({ table, rows }) => {
      const columns = Object.keys(rows[0] ?? {})
      const statement =
        statements.get(table) ??
        database.prepare<unknown[]>(
          `insert into ${table} (${columns.map((name) => `"${name}"`).join()}) values (${columns.map(() => '?').join()})`,
        )
      statements.set(table, statement)
      return { statement, values: rows.map((row) => columns.map((name) => row[name])) }
    }),
  )
  const insert = database.transaction((parts: (typeof prepared)[number]) => {
    for (const { statement, values } of parts) for (const row of values) statement.run(row)
  })
  return () => {
    for (const parts of prepared) insert(parts)
  }
}

/** The same on Postgres: all of a piece in one statement, so in one round trip and one commit; written as JSON before. */
export function postgresInserter(client: pg.Client, pieces: readonly (readonly TableRows[])[]): () => Promise<void> {
  const written = pieces.map((piece) => piece.map(({ rows }) => JSON.stringify(rows)))
  const inserts = planned.map(
    ({ table }, index) =>
      `"${table}" as (insert into ${table} select * from json_populate_recordset(null::${table}, $${index + 1}))`,
  )
  const text = `with ${inserts.join(', ')} select 1`
  return async () => {
    for (const values of written) await client.query({ name: 'insert', text, values })
  }
}
