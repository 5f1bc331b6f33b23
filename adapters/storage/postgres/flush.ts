import * as records from '../../../src/records/index.ts'
import type { Session } from './engine.ts'
import { Outdated } from './errors.ts'
import { listed } from './listed.ts'
import { qualified, quoted, written } from './names.ts'
import type { RowSet } from './row-set.ts'
import { countingApart } from './shards.ts'
import { encodeParameter } from './values.ts'
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
        const values = encodeParameter(of.map((one) => one[only]))
        write(`delete from ${name(table)} where ${quoted(only)} = any($1)`, [values])
        continue
      }
      const same = by.map((column) => `t.${quoted(column)} = r.${quoted(column)}`).join(' and ')
      const { from, values } = listed(table, by, of, kinds)
      write(`delete from ${name(table)} as t using ${from} where ${same}`, values)
    }
  }

  /** Rows with the same columns to write go in one statement. */
  function update({ table, changes }: Changed): void {
    const rows = [...changes].map(([id, change]): Columns => ({ ...change, id: Number(id) }))
    for (const [columns, group] of alike(rows)) {
      const names = columns.split(',').filter((column) => column !== 'id')
      const { from, values } = listed(table, ['id', ...names], group, kinds)
      // Also by the array: the planner knows its length, and takes the index.
      const updated = run(
        `update ${name(table)} as t set ${names.map((column) => `${quoted(column)} = ${written(table, column)}`).join(', ')}
         from ${from} where t.id = any($1::bigint[]) and t.id = r.id`,
        values,
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
      const list = listed(table, given, group, kinds)
      write(
        `insert into ${name(table)} (${columns.map(quoted).join(', ')}) select ${values.join(', ')} from ${list.from} ${more}`,
        list.values,
      )
    }
  }

  /** By key, last of all: everybody counts in the same few rows, and holds them as short as can be. */
  function count(): void {
    const table = name('notification_counters')
    const { by } = records.keys.counter
    const key = by.join(', ')
    const given = (rows: readonly Columns[]) => listed('notification_counters', [...by, 'count'], rows, kinds)
    const same = by.map((column) => `t.${column} = r.${column}`).join(' and ')
    const less = set.counters.filter((row) => row.count < 0)
    if (less.length > 0) {
      // What falls and what grows are two statements, and an update takes its rows in any order: locked before, in that of all.
      const order = by.map((column) => `t.${column}`).join(', ')
      const [all, fallen] = [given(set.counters), given(less)]
      write(`select from ${table} as t join ${all.from} on ${same} order by ${order} for update of t`, all.values)
      write(
        `update ${table} as t set count = greatest(t.count + r.count, 0) from ${fallen.from} where ${same}`,
        fallen.values,
      )
    }
    const more = set.counters.filter((row) => row.count > 0)
    if (more.length === 0) return
    if (isHosts) write(...countingApart(session, more))
    else {
      const { from, values } = given(more)
      write(
        `insert into ${table} as t (${key}, count) select ${key}, count from ${from}
         order by ${key} on conflict (${key}) do update set count = t.count + excluded.count`,
        values,
      )
    }
  }

  /** Blindly: whoever has a task looks at it again, and knows by the number that it changed meanwhile. */
  function touch(column: 'reminder_id' | 'notification_id'): void {
    const touches = set.touched[column]
    if (touches.size === 0) return
    const rows = [...touches].map(([id, next_at]) => ({ [column]: id, next_at }))
    const { from, values } = listed('task_manager_tasks', [column, 'next_at'], rows, kinds)
    write(
      `update ${name('task_manager_tasks')} as t set touched = t.touched + 1, next_at = least(t.next_at, r.next_at)
       from ${from} where t.${column} = any($1::bigint[]) and t.${column} = r.${column}`,
      values,
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
