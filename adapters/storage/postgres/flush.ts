import { records } from '../../../src/index.ts'
import type { Session } from './engine.ts'
import { qualified, quoted, recordset, written } from './names.ts'
import { countApart } from './shards.ts'
import { encodeRows as json } from './values.ts'
import type { WorkingSet } from './working-set.ts'

type Columns = { readonly [column: string]: unknown }
type TableName = records.TableName

/** An id that is not the row's own yet: the database gives it. */
const withoutId = ({ id, ...row }: Columns): Columns => (Number(id) > 0 ? { ...row, id } : row)

/**
 * Writes what the commands of a transaction made of a working set: one statement a table and kind of change. A row that
 * somebody else inserted meanwhile violates a unique index: what the commands read is outdated, and they run anew.
 */
export async function flush(session: Session, set: WorkingSet): Promise<void> {
  const { run, kinds, schema, isHosts } = session
  const name = (table: records.TableName) => qualified(schema, table)

  async function insert(table: records.TableName, rows: readonly Columns[], otherwise = ''): Promise<void> {
    const [first] = rows
    if (first === undefined) return
    const columns = Object.keys(first)
    await run(
      `insert into ${name(table)} (${columns.map(quoted).join(', ')})
       select ${columns.map((column) => written(table, column)).join(', ')} from ${recordset(table, columns, kinds)}
       ${otherwise}`,
      [json(rows)],
    )
  }

  /** Rows that may be there already. */
  const insertMissing = (table: records.TableName, rows: readonly Columns[]) =>
    insert(table, rows, 'on conflict do nothing')

  /** Rows with the same columns to write go in one statement. */
  async function update(table: records.TableName, changes: ReadonlyMap<string, object>): Promise<void> {
    const groups = new Map<string, Columns[]>()
    for (const [id, change] of changes) {
      const row = { ...change, id: Number(id) }
      const columns = Object.keys(row).sort().join()
      const group = groups.get(columns)
      if (group === undefined) groups.set(columns, [row])
      else group.push(row)
    }
    for (const group of groups.values()) {
      const columns = Object.keys(group[0] ?? {})
      const assigned = columns.filter((column) => column !== 'id')
      await run(
        `update ${name(table)} as t set ${assigned.map((column) => `${quoted(column)} = ${written(table, column)}`).join(', ')}
         from ${recordset(table, columns, kinds)} where t.id = r.id and t.id = any($2::bigint[])`,
        // The ids once more, as an array: the planner knows its length, and takes the index.
        [json(group), group.map((row) => row['id'])],
      )
    }
  }

  async function remove(table: TableName, rows: readonly Columns[]): Promise<void> {
    for (const [columns, found] of Map.groupBy(rows, (row) => Object.keys(row).join())) {
      const by = columns.split(',')
      const [only = ''] = by
      if (by.length === 1) {
        await run(`delete from ${name(table)} where ${quoted(only)} = any($1)`, [found.map((row) => row[only])])
        continue
      }
      const same = by.map((column) => `t.${quoted(column)} = r.${quoted(column)}`).join(' and ')
      await run(`delete from ${name(table)} as t using ${recordset(table, by, kinds)} where ${same}`, [json(found)])
    }
  }

  /** The plans get their ids now; the working set knew them by negative ones. */
  async function insertPlans(rows: readonly records.Row<'reminder_plans'>[]): Promise<ReadonlyMap<number, number>> {
    const given = new Map<number, number>()
    if (rows.length === 0) return given
    const columns = Object.keys(rows[0] ?? {}).filter((column) => column !== 'id')
    const made = await run<{ appointment_id: string; organization_id: string; id: string }>(
      `insert into ${name('reminder_plans')} as t (${columns.map(quoted).join(', ')})
       select ${columns.map((column) => written('reminder_plans', column)).join(', ')}
       from ${recordset('reminder_plans', columns, kinds)}
       returning t.appointment_id::text, t.organization_id, t.id::text`,
      [json(rows)],
    )
    const ids = new Map(made.rows.map((row) => [`${row.appointment_id} ${row.organization_id}`, Number(row.id)]))
    for (const row of rows) {
      const id = ids.get(`${row.appointment_id} ${row.organization_id}`)
      if (id === undefined) throw new Error('a plan that was inserted got no id')
      given.set(row.id, id)
    }
    return given
  }

  /** By key, last of all: everybody counts in the same few rows, and holds them as short as can be. */
  async function count(): Promise<void> {
    const table = name('notification_counters')
    const key = ['organization_id', 'day', 'measure', 'channel', 'category', 'provider', 'detail'] as const
    const given = recordset('notification_counters', [...key, 'count'], kinds)
    const rows = set.counters
    const less = rows.filter((row) => row.count < 0)
    if (less.length > 0) {
      await run(
        `update ${table} as t set count = greatest(t.count + r.count, 0) from ${given}
         where ${key.map((column) => `t.${column} = r.${column}`).join(' and ')}`,
        [json(less)],
      )
    }
    const more = rows.filter((row) => row.count > 0)
    if (isHosts && more.length > 0) return countApart(session, more)
    if (more.length > 0) {
      await run(
        `insert into ${table} as t (${key.join(', ')}, count) select ${key.join(', ')}, count from ${given}
         order by ${key.join(', ')} on conflict (${key.join(', ')}) do update set count = t.count + excluded.count`,
        [json(more)],
      )
    }
  }

  /** Blindly: whoever has a task looks at it again, and knows by the number that it changed meanwhile. */
  async function touch(column: 'reminder_id' | 'notification_id', touches: ReadonlyMap<number, number>): Promise<void> {
    if (touches.size === 0) return
    const rows = [...touches].map(([id, next_at]) => ({ [column]: id, next_at }))
    await run(
      `update ${name('task_manager_tasks')} as t set touched = t.touched + 1, next_at = least(t.next_at, r.next_at)
       from ${recordset('task_manager_tasks', [column, 'next_at'], kinds)}
       where t.${column} = r.${column} and t.${column} = any($2::bigint[])`,
      [json(rows), [...touches.keys()]],
    )
  }

  for (const [table, rows] of Map.groupBy(set.deleted, (one) => one.table)) {
    await remove(
      table,
      rows.map(({ of }) => of),
    )
  }
  // Before insertions: a cancelled row makes room for the same reminder planned anew.
  for (const table of records.lockOrder) await update(table, set.sets[table].changes)
  await touch('reminder_id', set.touched.reminder_id)
  await touch('notification_id', set.touched.notification_id)

  const planIds = await insertPlans(set.sets.reminder_plans.inserted)
  const withPlan = (row: Columns): Columns =>
    'plan_id' in row ? { ...row, plan_id: planIds.get(Number(row['plan_id'])) ?? row['plan_id'] } : row
  for (const table of tableNames) {
    if (table !== 'reminder_plans')
      await insert(
        table,
        set.sets[table].inserted.map((row) => withoutId({ ...row })),
      )
    await insert(table, (set.appended.get(table) ?? []).map(withoutId))
    await insertMissing(table, (set.ensured.get(table) ?? []).map(withoutId).map(withPlan))
  }
  await count()
}

/** In the order in which everybody locks; the others are only added to. */
const tableNames: readonly TableName[] = [
  ...records.lockOrder,
  'reminder_plan_recipients',
  'notification_waiting',
  'replan_jobs',
  'notification_decisions',
  'notification_audit',
  'notification_suppressions',
  'appointment_outcomes',
]
