import * as records from '../../../src/records/index.ts'
import type { Session } from './engine.ts'
import { Outdated } from './errors.ts'
import { qualified, quoted, recordset, written } from './names.ts'
import type { RowSet } from './row-set.ts'
import { countingApart } from './shards.ts'
import { encodeParameter, encodeRows as json } from './values.ts'
import type { WorkingSet } from './working-set.ts'

type Columns = { readonly [column: string]: unknown }
type TableName = records.TableName
type Changed = Pick<RowSet<Columns>, 'table' | 'deleted' | 'changes' | 'inserted' | 'ensured'>

/** By the names of their columns, in one order: so many statements there are at most. */
function alike(rows: Iterable<Columns>) {
  const sorted = new Map<string, string>()
  return Map.groupBy(rows, (row) => {
    const names = Object.keys(row).join()
    const known = sorted.get(names) ?? names.split(',').sort().join()
    sorted.set(names, known)
    return known
  })
}

/**
 * Writes what the commands of a transaction made of a working set: one statement a table and kind of change. A row that
 * somebody else inserted meanwhile violates a unique index, one that was deleted is not found: what the commands read is outdated,
 * and they run anew. All are sent at once, in this order.
 */
export async function flush(session: Session, set: WorkingSet): Promise<void> {
  const { run, kinds, schema, isHosts } = session
  const name = (table: TableName) => qualified(schema, table)
  const sets: readonly Changed[] = Object.values(set.sets)
  const sent: Promise<unknown>[] = []
  const write = (sql: string, values: readonly unknown[]): void => void sent.push(run(sql, values))

  function remove({ table, deleted }: Changed): void {
    for (const [columns, of] of alike(deleted)) {
      const by = columns.split(',')
      const [only = ''] = by
      if (by.length === 1) {
        const values = of.map((one) => encodeParameter(one[only]))
        write(`delete from ${name(table)} where ${quoted(only)} = any($1)`, [values])
        continue
      }
      const same = by.map((column) => `t.${quoted(column)} = r.${quoted(column)}`).join(' and ')
      write(`delete from ${name(table)} as t using ${recordset(table, by, kinds)} where ${same}`, [json(of)])
    }
  }

  /** Rows with the same columns to write go in one statement. */
  function update({ table, changes }: Changed): void {
    const rows = [...changes].map(([id, change]): Columns => ({ id: Number(id), ...change }))
    for (const [columns, group] of alike(rows)) {
      const names = columns.split(',')
      const assigned = names
        .filter((column) => column !== 'id')
        .map((column) => `${quoted(column)} = ${written(table, column)}`)
      const updated = run(
        `update ${name(table)} as t set ${assigned.join(', ')}
         from ${recordset(table, names, kinds)} where t.id = r.id and t.id = any($2::bigint[])`,
        // The ids once more, as an array: the planner knows its length, and takes the index.
        [json(group), group.map((row) => row['id'])],
      )
      sent.push(
        updated.then(({ count }) => {
          // Of rows that nobody locked: what was to be said of one that is deleted by now is not to be lost with it.
          if (count < group.length) throw new Outdated(table, 'a row was deleted meanwhile')
        }),
      )
    }
  }

  function insert(table: TableName, rows: readonly Columns[], more = ''): void {
    for (const [, group] of Map.groupBy(rows, hasId)) {
      const [first = {}] = group
      const columns = Object.keys(first).filter((column) => column !== 'id' || hasId(first))
      // Not left out: a table that a host made may have a default of its own.
      const given = columns.filter((column) => group.some((row) => row[column] !== null))
      const values = columns.map((column) => (given.includes(column) ? written(table, column) : 'null'))
      write(
        `insert into ${name(table)} (${columns.map(quoted).join(', ')})
         select ${values.join(', ')} from ${recordset(table, given, kinds)}
         ${more}`,
        [json(group, given)],
      )
    }
  }

  /** By key, last of all: everybody counts in the same few rows, and holds them as short as can be. */
  function count(): void {
    const table = name('notification_counters')
    const { by } = records.keys.counter
    const key = by.join(', ')
    const given = recordset('notification_counters', [...by, 'count'], kinds)
    const same = by.map((column) => `t.${column} = r.${column}`).join(' and ')
    const less = set.counters.filter((row) => row.count < 0)
    if (less.length > 0) {
      // What falls and what grows are two statements, and an update takes its rows in any order: locked before, in that of all.
      const order = by.map((column) => `t.${column}`).join(', ')
      write(`select from ${table} as t join ${given} on ${same} order by ${order} for update of t`, [
        json(set.counters),
      ])
      write(`update ${table} as t set count = greatest(t.count + r.count, 0) from ${given} where ${same}`, [json(less)])
    }
    const more = set.counters.filter((row) => row.count > 0)
    if (more.length === 0) return
    if (isHosts) write(...countingApart(session, more))
    else
      write(
        `insert into ${table} as t (${key}, count) select ${key}, count from ${given}
       order by ${key} on conflict (${key}) do update set count = t.count + excluded.count`,
        [json(more)],
      )
  }

  /** Blindly: whoever has a task looks at it again, and knows by the number that it changed meanwhile. */
  function touch(column: 'reminder_id' | 'notification_id'): void {
    const touches = set.touched[column]
    if (touches.size === 0) return
    const rows = [...touches].map(([id, next_at]) => ({ [column]: id, next_at }))
    write(
      `update ${name('task_manager_tasks')} as t set touched = t.touched + 1, next_at = least(t.next_at, r.next_at)
       from ${recordset('task_manager_tasks', [column, 'next_at'], kinds)}
       where t.${column} = r.${column} and t.${column} = any($2::bigint[])`,
      [json(rows), [...touches.keys()]],
    )
  }

  for (const one of sets) remove(one)
  // Before insertions: a cancelled row makes room for the same reminder planned anew.
  for (const one of sets) update(one)
  touch('reminder_id')
  touch('notification_id')
  for (const { table, inserted, ensured } of sets) {
    insert(table, inserted)
    insert(table, ensured, 'on conflict do nothing')
  }
  count()
  await Promise.all(sent)
}

/** False: there is none, or a temporary one, in place of which the database gives its own. */
const hasId = (row: Columns): boolean => Number(row['id']) > 0
