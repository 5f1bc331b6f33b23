import { progressOf, refuse } from '../kysely/migrations.ts'
import { renamed } from './definition.ts'
import type { Migrating } from './migrating.ts'

/** Rows copied between two turns of the event loop. */
const rowsAtOnce = 20_000

/**
 * Gives a table another definition with the same columns, by the procedure that SQLite's documentation of ALTER TABLE
 * describes: a table of the new definition, the rows, the new in the place of the old, and what hung on it. Foreign keys are
 * off meanwhile, or dropping the old table would delete what refers to it. Yields where other work may have its turn.
 * @throws NotificationError `migration_refused` where something else has the name of the new table.
 */
export function* rebuild({ database, change, record, dryRun, logger }: Migrating, table: string, definition: string) {
  const read = <T>(source: string, ...values: unknown[]): T[] => database.prepare<unknown[], T>(source).all(...values)
  const shadow = `${table}_rebuilt`
  // Not of a migration that was killed: that leaves nothing.
  if (read('select 1 from sqlite_master where name = ?', shadow).length > 0) {
    throw refuse(
      `There is a table ${shadow}, and the migration needs that name for a moment. Look at what is in it, and rename or drop it.`,
    )
  }
  const attached = read<{ sql: string }>(
    `select sql from sqlite_master where tbl_name = ? and type in ('index', 'trigger') and sql is not null order by rowid`,
    table,
  )
  const columns = read<{ name: string }>(`select name from pragma_table_xinfo(?) where hidden = 0 order by cid`, table)
  const list = columns.map(({ name }) => `"${name}"`).join(', ')

  change(renamed(definition, shadow))
  const copy = `insert into "${shadow}" (${list}) select ${list} from "${table}"`
  record(copy)
  if (!dryRun) {
    if (/without\s+rowid/i.test(definition.slice(definition.lastIndexOf(')')))) database.exec(copy)
    else yield* copyRows(`${copy} where rowid > ? and rowid <= ?`)
  }
  // The highest number ever given is not among the rows where the last ones were deleted.
  const counted = read<{ seq: number }>(`select 1 as seq from sqlite_master where name = 'sqlite_sequence'`).length > 0
  if (counted && read('select 1 from sqlite_sequence where name = ?', table).length > 0) {
    change(`delete from sqlite_sequence where name = '${shadow}'`)
    change(
      `insert into sqlite_sequence (name, seq) select '${shadow}', seq from sqlite_sequence where name = '${table}'`,
    )
  }
  change(`drop table "${table}"`)
  change(`alter table "${shadow}" rename to "${table}"`)
  const report = progressOf(logger, `building the indexes of ${table}`, attached.length)
  for (const [index, { sql }] of attached.entries()) {
    change(sql)
    report(index + 1)
    yield
  }

  function* copyRows(statement: string) {
    const [range] = read<{ first: number | null; last: number | null; count: number }>(
      `select min(rowid) as first, max(rowid) as last, count(*) as count from "${table}"`,
    )
    const { first = null, last = null, count = 0 } = range ?? {}
    if (first === null || last === null) return
    const report = progressOf(logger, `copying the rows of ${table}`, count)
    const insert = database.prepare<unknown[], unknown>(statement)
    const edge = database.prepare<unknown[], { edge: number | null }>(
      `select max(rowid) as edge from (select rowid from "${table}" where rowid > ? order by rowid limit ${rowsAtOnce})`,
    )
    let done = 0
    for (let from = first - 1; from < last; ) {
      const to = edge.get(from)?.edge ?? last
      done += insert.run(from, to).changes
      report(done)
      from = to
      yield
    }
  }
}
