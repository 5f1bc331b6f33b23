/**
 * The floor: rows that the library changed are changed once more by the bare driver, with nothing read, decided or rendered.
 * Rows that a promise takes on the way are not among them, so `claims` has it claim the reminders of a piece in a commit
 * before, with a small row each, and drop those rows with the piece.
 */
import type Database from 'better-sqlite3'
import pg from 'pg'
import { inPieces, openRaw, quoted, type Row, type TableChanges } from './raw.ts'

export type Replay = { readonly run: () => unknown; readonly close: () => Promise<unknown> }
export type Replaying = { readonly changes: readonly TableChanges[]; readonly pieces: number; readonly claims: boolean }

const claimTable = (instant: string) =>
  `create table if not exists bare_claims (reminder_id bigint primary key, fence text not null, until ${instant} not null)`
const fence = '0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0'
const claimedIn = (piece: readonly TableChanges[]) =>
  piece.find(({ name }) => name === 'appointment_reminders')?.updated.map((row) => row['id']) ?? []

/** Everything is prepared before it is timed. */
export function replayOnSqlite(path: string, { changes, pieces, claims }: Replaying): Replay {
  const database = openRaw(path)
  const statements = new Map<string, Database.Statement<unknown[]>>()
  const prepared = (text: string) => {
    const statement = statements.get(text) ?? database.prepare<unknown[]>(text)
    statements.set(text, statement)
    return statement
  }
  const each = (text: string, rows: readonly Row[], columns: readonly string[]) => ({
    statement: rows.length > 0 ? prepared(text) : null,
    values: rows.map((row) => columns.map((column) => row[column])),
  })
  const steps = ({ name, key, inserted, updated, columns, deleted }: TableChanges) => {
    const all = Object.keys(inserted[0] ?? {})
    const where = key.map((column) => `"${column}" = ?`).join(' and ')
    const set = columns.map((column) => `"${column}" = ?`).join()
    return [
      each(`delete from "${name}" where ${where}`, deleted, key),
      each(`update "${name}" set ${set} where ${where}`, updated, [...columns, ...key]),
      each(`insert into "${name}" (${quoted(all)}) values (${all.map(() => '?').join()})`, inserted, all),
    ]
  }
  const work = inPieces(changes, pieces).map((piece) => ({ steps: piece.flatMap(steps), claimed: claimedIn(piece) }))
  database.exec(claimTable('integer'))
  const read = database.prepare('select * from appointment_reminders where id = ?')
  const claim = database.prepare('insert into bare_claims values (?, ?, ?)')
  const release = database.prepare('delete from bare_claims where reminder_id = ?')
  const claimAll = database.transaction((ids: readonly unknown[]) => {
    for (const id of ids) {
      read.get(id)
      claim.run(id, fence, 0)
    }
  })
  const change = database.transaction(({ steps, claimed }: (typeof work)[number]) => {
    for (const { statement, values } of steps) for (const row of values) statement?.run(row)
    if (claims) for (const id of claimed) release.run(id)
  })
  return {
    run() {
      for (const piece of work) {
        if (claims) claimAll(piece.claimed)
        change(piece)
      }
    },
    close: async () => database.close(),
  }
}

/** The same on Postgres: a piece is one statement, so one round trip and one commit, and another for the claims. */
export async function replayOnPostgres(url: string, { changes, pieces, claims }: Replaying): Promise<Replay> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(claimTable('timestamptz'))
  const ctes: string[] = []
  const parts: ((piece: readonly TableChanges[]) => string)[] = []
  for (const [index, { name, key, inserted, updated, columns, deleted }] of changes.entries()) {
    const given = (
      rows: readonly Row[],
      sql: (rows: string) => string,
      of: (table: TableChanges) => readonly Row[],
    ) => {
      if (rows.length === 0) return
      parts.push((piece) => JSON.stringify(piece[index] === undefined ? [] : of(piece[index])))
      ctes.push(`c${parts.length} as (${sql(`json_populate_recordset(null::"${name}", $${parts.length}) s`)})`)
    }
    const same = key.map((column) => `t."${column}" = s."${column}"`).join(' and ')
    const set = columns.map((column) => `"${column}" = s."${column}"`).join()
    given(
      deleted,
      (rows) => `delete from "${name}" t using ${rows} where ${same}`,
      (table) => table.deleted,
    )
    given(
      updated,
      (rows) => `update "${name}" t set ${set} from ${rows} where ${same}`,
      (table) => table.updated,
    )
    given(
      inserted,
      (rows) => `insert into "${name}" select * from ${rows}`,
      (table) => table.inserted,
    )
  }
  const released = `released as (delete from bare_claims where reminder_id = any($${parts.length + 1}::bigint[]))`
  const text = `with ${[...ctes, ...(claims ? [released] : [])].join(', ')} select 1`
  const claim = `with claimed as (insert into bare_claims select id, '${fence}', now() from unnest($1::bigint[]) as id)
    select * from appointment_reminders where id = any($1::bigint[])`
  const work = inPieces(changes, pieces).map((piece) => ({
    values: parts.map((part) => part(piece)),
    claimed: claimedIn(piece),
  }))
  return {
    async run() {
      for (const { values, claimed } of work) {
        if (claims) await client.query({ name: 'claim', text: claim, values: [claimed] })
        await client.query({ name: 'change', text, values: claims ? [...values, claimed] : values })
      }
    },
    close: () => client.end(),
  }
}
