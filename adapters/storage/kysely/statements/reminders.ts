import { sql } from 'kysely'
import type { EntityId, RecipientType } from '../../../../src/index.ts'
import { afterHeld, asked, type Builder, type HeldAfter, type Param, query } from '../query.ts'
import { dueStatements } from './due.ts'

type OfPerson = { organizationId: string; type: RecipientType; id: EntityId; now: number; until: number }
type OfAppointment = { appointmentId: EntityId; organizationId: string }

export const reminderStatements = (db: Builder) => ({
  get: query((p: Param<{ id: number }>) =>
    db.selectFrom('appointment_reminders').selectAll().where('id', '=', p('id')).compile(),
  ),
  list: query((p: Param<OfAppointment>) =>
    db
      .selectFrom('appointment_reminders')
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
  due: dueStatements(db, 'appointment_reminders'),
  /** What else of these appointments is due, beside the rows of `ids`: one statement, since a page has as many appointments as rows. */
  dueBeside: query((p: Param<{ appointmentIds: string; ids: string; now: number }>) =>
    db
      .selectFrom(asked<EntityId>(p('appointmentIds')))
      .crossJoin('appointment_reminders as reminder')
      .selectAll('reminder')
      .whereRef('reminder.appointment_id', '=', 'asked.value')
      // The plus keeps the planner off the indexes of due rows: an appointment has few rows, those many.
      .where(sql<number>`+reminder.due_at`, '<=', p('now'))
      .where('reminder.live', 'is not', null)
      .where(sql<boolean>`reminder.id not in (select value from json_each(${p('ids')}))`)
      .compile(),
  ),
  find: query((p: Param<{ list: string }>) =>
    db
      .selectFrom(asked<number>(p('list')))
      .crossJoin('appointment_reminders as reminder')
      .selectAll('reminder')
      .whereRef('reminder.id', '=', 'asked.value')
      .compile(),
  ),
  suspended: query((p: Param<HeldAfter>) =>
    db
      .selectFrom('appointment_reminders')
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
