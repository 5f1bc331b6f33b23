import { sql } from 'kysely'
import type { Channel, EntityId } from '../../../../src/index.ts'
import {
  afterHeld,
  asked,
  type Bind,
  type Builder,
  type HeldAfter,
  insertQuery,
  type Mode,
  type Param,
  query,
  updateQuery,
} from '../query.ts'
import { dueStatements } from './due.ts'

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
  due: dueStatements(db, bind, 'appointment_reminders'),
  dueOfAppointment: bind(
    query((p: Param<OfAppointment & { channel: Channel; now: number }>) =>
      db
        .selectFrom('appointment_reminders')
        .selectAll()
        .where('appointment_id', '=', p('appointmentId'))
        // The plus keeps the planner off the indexes of due rows: an appointment has few rows, those many.
        .where(sql<string>`+organization_id`, '=', p('organizationId'))
        .where(sql<Channel>`+reminder_type`, '=', p('channel'))
        .where(sql<number>`+due_at`, '<=', p('now'))
        .where('live', 'is not', null)
        .compile(),
    ),
  ),
  find: bind(
    query((p: Param<{ list: string }>) =>
      db
        .selectFrom(asked<number>(p('list')))
        .crossJoin('appointment_reminders as reminder')
        .selectAll('reminder')
        .whereRef('reminder.id', '=', 'asked.value')
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
  /** Until somebody decides, or decided. */
  suspend: bind(updateQuery(db, 'appointment_reminders', ['due_at', 'held_at', 'updated_at'] as const)),
  suspended: bind(
    query((p: Param<HeldAfter>) =>
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
  ),
  /** What its delivery came to. A row that is over already keeps its outcome. */
  finish: bind(
    updateQuery(
      db,
      'appointment_reminders',
      ['status', 'sent_at', 'error_message', 'due_at', 'updated_at'] as const,
      sql`and status = 'PENDING'`,
    ),
  ),
  /** What became known later of one whose delivery was settled, or of unknown outcome. */
  correct: bind(
    updateQuery(
      db,
      'appointment_reminders',
      ['status', 'sent_at', 'error_message', 'updated_at'] as const,
      sql`and status in ('SENT', 'FAILED')`,
    ),
  ),
})
