import { sql } from 'kysely'
import type { EntityId } from '../../../../src/index.ts'
import { type Bind, type Builder, insertQuery, type Mode, type Param, query, updateQuery } from '../query.ts'

type OfAppointment = { appointmentId: EntityId; organizationId: string }

export const reminderStatements = <M extends Mode>(db: Builder, bind: Bind<M>) => ({
  get: bind(
    query((p: Param<{ id: number }>) =>
      db.selectFrom('appointment_reminders').selectAll().where('id', '=', p('id')).compile(),
    ),
  ),
  list: bind(
    query((p: Param<OfAppointment>) =>
      db
        .selectFrom('appointment_reminders')
        .selectAll()
        .where('appointment_id', '=', p('appointmentId'))
        .where('organization_id', '=', p('organizationId'))
        .orderBy('reminder_time')
        .orderBy('id')
        .compile(),
    ),
  ),
  live: bind(
    query((p: Param<OfAppointment>) =>
      db
        .selectFrom('appointment_reminders')
        .selectAll()
        .where('appointment_id', '=', p('appointmentId'))
        .where('organization_id', '=', p('organizationId'))
        .where('live', 'is not', null)
        .compile(),
    ),
  ),
  pendingOfAppointment: bind(
    query((p: Param<{ appointmentId: EntityId }>) =>
      db
        .selectFrom('appointment_reminders')
        .selectAll()
        .where('appointment_id', '=', p('appointmentId'))
        .where('status', '=', 'PENDING')
        .compile(),
    ),
  ),
  due: bind(
    query((p: Param<{ now: number; limit: number }>) =>
      db
        .selectFrom('appointment_reminders')
        .selectAll()
        .where('due_at', '<=', p('now'))
        .orderBy('due_at')
        .orderBy('id')
        .limit(p('limit'))
        .compile(),
    ),
  ),
  dueOfAppointment: bind(
    query((p: Param<OfAppointment & { from: number; now: number }>) =>
      db
        .selectFrom('appointment_reminders')
        .selectAll()
        .where('appointment_id', '=', p('appointmentId'))
        .where('organization_id', '=', p('organizationId'))
        .where('live', 'is not', null)
        // The plus keeps the planner off the index of due rows: an appointment has few rows, the index many.
        .where(sql<number>`+due_at`, '>=', p('from'))
        .where(sql<number>`+due_at`, '<=', p('now'))
        .compile(),
    ),
  ),
  nextDue: bind(
    query(() =>
      db
        .selectFrom('appointment_reminders')
        .select('due_at')
        .where('due_at', 'is not', null)
        .orderBy('due_at')
        .limit(1)
        .compile(),
    ),
  ),
  dueTimeAfter: bind(
    query((p: Param<{ after: number; until: number }>) =>
      db
        .selectFrom('appointment_reminders')
        .select('due_at')
        .where('due_at', '>', p('after'))
        .where('due_at', '<=', p('until'))
        .orderBy('due_at')
        .limit(1)
        .compile(),
    ),
  ),
  insert: bind(
    insertQuery(db, 'appointment_reminders', [
      'appointment_id',
      'reminder_type',
      'reminder_time',
      'hours_before_appointment',
      'status',
      'created_at',
      'updated_at',
      'organization_id',
      'recipient_type',
      'recipient_id',
      'offset',
      'starts_at',
      'due_at',
      'live',
    ] as const),
  ),
  cancel: bind(updateQuery(db, 'appointment_reminders', ['status', 'reason', 'live', 'due_at', 'updated_at'] as const)),
  /** The intent: no longer due, the delivery has it. */
  claim: bind(
    updateQuery(db, 'appointment_reminders', [
      'due_at',
      'notification_id',
      'subject',
      'message',
      'updated_at',
    ] as const),
  ),
  retime: bind(
    updateQuery(db, 'appointment_reminders', [
      'reminder_time',
      'hours_before_appointment',
      'due_at',
      'updated_at',
    ] as const),
  ),
  text: bind(updateQuery(db, 'appointment_reminders', ['subject', 'message', 'updated_at'] as const)),
  defer: bind(updateQuery(db, 'appointment_reminders', ['due_at', 'updated_at'] as const)),
  /** What its delivery came to. A row that is over already keeps its outcome. */
  finish: bind(
    updateQuery(
      db,
      'appointment_reminders',
      ['status', 'sent_at', 'error_message', 'due_at', 'updated_at'] as const,
      sql`and status = 'PENDING'`,
    ),
  ),
  /** An unknown outcome that became known. */
  correct: bind(
    updateQuery(
      db,
      'appointment_reminders',
      ['status', 'sent_at', 'error_message', 'updated_at'] as const,
      sql`and status = 'FAILED'`,
    ),
  ),
})
