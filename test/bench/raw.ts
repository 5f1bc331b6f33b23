import Database from 'better-sqlite3'
import { openClinic } from './clinic.ts'
import { silent } from './transports.ts'

export type Row = Readonly<Record<string, unknown>>
type TableRows = { readonly table: string; readonly rows: readonly Row[] }

/** What planning writes, in the order in which it does. */
const planned = ['reminder_plans', 'reminder_plan_recipients', 'appointment_reminders', 'notification_decisions']

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

/** The tables and indexes of the library, empty. */
export async function migrated(path: string): Promise<Database.Database> {
  const library = await openClinic({ path, transport: silent, startOf: () => new Date(), phones: false })
  await library.stop()
  return openRaw(path)
}

/** The rows that planning `appointments` wrote, cut in pieces of `batch` appointments. */
export function plannedRows(path: string, appointments: number, batch: number): TableRows[][] {
  const database = openRaw(path)
  const parts = planned.map((table) => ({
    table,
    rows: database.prepare<unknown[], Row>(`select * from ${table} order by rowid`).all(),
  }))
  database.close()
  return Array.from({ length: Math.ceil(appointments / batch) }, (_, index) =>
    parts.map(({ table, rows }) => {
      const each = rows.length / appointments
      return { table, rows: rows.slice(index * batch * each, (index + 1) * batch * each) }
    }),
  )
}

/** Inserts each piece in a transaction of its own. The values are taken out of the rows before. */
export function inserter(database: Database.Database, pieces: readonly (readonly TableRows[])[]): () => void {
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
