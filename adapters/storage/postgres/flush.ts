import type { RecordOf } from '../kysely/query.ts'
import type { TableName } from '../kysely/tables.ts'
import type { Session } from './engine.ts'
import { qualified, quoted, recordset, written } from './names.ts'
import type { RowSet } from './row-set.ts'
import { countApart } from './shards.ts'
import { encodeRows as json } from './values.ts'
import type { WorkingSet } from './working-set.ts'

type Columns = { readonly [column: string]: unknown }

/**
 * Writes what the commands of a transaction made of a working set: one statement a table and kind of change. A row that
 * somebody else inserted meanwhile violates a unique index: what the commands read is outdated, and they run anew.
 */
export async function flush(session: Session, set: WorkingSet): Promise<void> {
  const { run, kinds, schema, isHosts } = session
  const name = (table: TableName) => qualified(schema, table)

  async function insert(table: TableName, rows: readonly Columns[], otherwise = ''): Promise<void> {
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
  const insertMissing = (table: TableName, rows: readonly Columns[]) => insert(table, rows, 'on conflict do nothing')

  /** Rows with the same columns to write go in one statement. */
  async function update<Row extends { readonly id: number }>(table: TableName, rows: RowSet<Row>): Promise<void> {
    const groups = new Map<string, Columns[]>()
    for (const [id, change] of rows.changes) {
      const row = { ...change, id }
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

  async function remove(table: TableName, column: string, values: readonly (number | string)[]): Promise<void> {
    if (values.length > 0) await run(`delete from ${name(table)} where ${quoted(column)} = any($1)`, [values])
  }

  /** The plans get their ids now; the working set knew them by negative ones. */
  async function insertPlans(rows: readonly RecordOf<'reminder_plans'>[]): Promise<ReadonlyMap<number, number>> {
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

  async function recordOutcomes(): Promise<void> {
    const [first] = set.outcomes
    if (first === undefined) return
    const columns = Object.keys(first)
    await run(
      `insert into ${name('appointment_outcomes')} (${columns.join(', ')})
       select ${columns.join(', ')} from ${recordset('appointment_outcomes', columns, kinds)}
       on conflict (appointment_id, organization_id) do update
       set ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`,
      [json(set.outcomes)],
    )
  }

  /** By key, last of all: everybody counts in the same few rows, and holds them as short as can be. */
  async function count(): Promise<void> {
    const table = name('notification_counters')
    const key = ['organization_id', 'day', 'measure', 'channel', 'category', 'provider', 'detail'] as const
    const given = recordset('notification_counters', [...key, 'count'], kinds)
    const rows = set.counts.map(({ by, ...row }) => ({ ...row, count: by }))
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

  await remove('reminder_plan_recipients', 'plan_id', [...set.unlinked])
  await remove('reminder_plans', 'id', set.plans.deleted)
  await remove('patient_notification_preferences', 'id', set.patients.deleted)
  await remove('client_notification_preferences', 'id', set.clients.deleted)
  await remove('replan_jobs', 'scope', set.droppedScopes)

  await update('notification_settings', set.settings)
  await update('patient_notification_preferences', set.patients)
  await update('client_notification_preferences', set.clients)
  await update('reminder_plans', set.plans)
  // Before insertions: a cancelled row makes room for the same reminder planned anew.
  await update('appointment_reminders', set.reminders)
  await update('notification_history', set.deliveries)
  await update('task_manager_tasks', set.tasks)
  await remove('task_manager_tasks', 'id', set.tasks.deleted)
  await touch('reminder_id', set.touches.reminders)
  await touch('notification_id', set.touches.notifications)

  await insert('notification_settings', set.settings.inserted)
  await insert('patient_notification_preferences', set.patients.inserted)
  await insert('client_notification_preferences', set.clients.inserted)
  const planIds = await insertPlans(set.plans.inserted)
  await insertMissing(
    'reminder_plan_recipients',
    set.links.map((link) => ({ ...link, plan_id: planIds.get(link.plan_id) ?? link.plan_id })),
  )
  await insert('appointment_reminders', set.reminders.inserted)
  await insert('notification_history', set.deliveries.inserted)
  await insertMissing('task_manager_tasks', set.newTasks)
  await insertMissing('notification_waiting', set.waiting)
  await insert('replan_jobs', set.jobs)
  await insert('notification_decisions', set.decisions)
  await insert('notification_audit', set.audit)
  await insert('notification_suppressions', set.suppressions)
  await recordOutcomes()
  await count()
}
