import { sql } from 'kysely'
import type { EntityId, RecipientType } from '../../../../src/index.ts'
import type { Dialect } from '../dialect.ts'
import {
  afterHeld,
  type Builder,
  type HeldAfter,
  type Keys,
  type Listed,
  type Param,
  query,
  type RecordOf,
  rowsBy,
  valuedQuery,
} from '../query.ts'
import { dueStatements } from './due.ts'

const table = 'appointment_reminders'

type OfPerson = { organizationId: string; type: RecipientType; id: EntityId; now: number; until: number }
type OfAppointment = { appointmentId: EntityId; organizationId: string }

export const reminderStatements = (db: Builder, dialect: Dialect) => ({
  get: rowsBy(db, dialect, table, 'id'),
  list: query((p: Param<OfAppointment>) =>
    db
      .selectFrom(table)
      .selectAll()
      .where('appointment_id', '=', p('appointmentId'))
      .where('organization_id', '=', p('organizationId'))
      .orderBy('reminder_time')
      .orderBy('id')
      .compile(),
  ),
  ofPerson: query((p: Param<OfPerson>) =>
    db
      .selectFrom('reminder_plan_recipients as link')
      .innerJoin('reminder_plans as plan', 'plan.id', 'link.plan_id')
      .innerJoin('appointment_reminders as reminder', (join) =>
        join
          .onRef('reminder.appointment_id', '=', 'plan.appointment_id')
          .onRef('reminder.organization_id', '=', 'plan.organization_id')
          .onRef('reminder.recipient_type', '=', 'link.recipient_type')
          .onRef('reminder.recipient_id', '=', 'link.recipient_id'),
      )
      .selectAll('reminder')
      .where('link.recipient_type', '=', p('type'))
      .where('link.recipient_id', '=', p('id'))
      .where('plan.organization_id', '=', p('organizationId'))
      .where('plan.starts_at', '>=', p('now'))
      .where('reminder.status', '=', 'PENDING')
      .where('reminder.due_at', '<=', p('until'))
      .compile(),
  ),
  due: dueStatements(db, table),
  /** What else of these appointments is due, beside the rows of `ids`: an appointment has few rows, due ones there are many. */
  dueBeside: query((p: Param<Listed & { ids: string; now: number }>) => {
    const { from, where } = dialect.valued(table, 'appointment_id', p('list'))
    return sql<RecordOf<typeof table>>`select t.* from ${from}
      where ${where} and ${dialect.unindexed('t.due_at')} <= ${p('now')} and t.live is not null
      and t.id not in (select value from json_each(${p('ids')}))`.compile(db)
  }),
  find: valuedQuery(db, dialect, table, 'id'),
  ofAppointments: query((p: Param<Keys>) =>
    sql<
      RecordOf<typeof table>
    >`select t.* from ${dialect.keyed(table, ['appointment_id', 'organization_id'], p('keys'))}
      order by t.reminder_time, t.id`.compile(db),
  ),
  suspended: query((p: Param<HeldAfter>) =>
    db
      .selectFrom(table)
      .selectAll()
      .where('held_at', 'is not', null)
      .where('status', '=', 'PENDING')
      .where(afterHeld(p))
      .orderBy('held_at')
      .orderBy('id')
      .limit(p('limit'))
      .compile(),
  ),
})
