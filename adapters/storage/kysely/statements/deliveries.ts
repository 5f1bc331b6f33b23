import { sql } from 'kysely'
import type { EntityId } from '../../../../src/index.ts'
import type { Silent } from '../held.ts'
import { afterHeld, type Builder, type HeldAfter, type Param, query } from '../query.ts'
import { dueStatements } from './due.ts'

const table = 'notification_history'

export const deliveryStatements = (db: Builder) => ({
  get: query((p: Param<{ id: number }>) => db.selectFrom(table).selectAll().where('id', '=', p('id')).compile()),
  due: dueStatements(db, table),
  renew: query((p: Param<{ id: number; fence: number; due_at: number; updated_at: number }>) =>
    db
      .updateTable(table)
      .set({ due_at: p('due_at'), updated_at: p('updated_at') })
      .where('id', '=', p('id'))
      .where('fence', '=', p('fence'))
      .where('delivery_state', '=', 'sending')
      .compile(),
  ),
  /** The word stands in the statement, as in the index that serves it. */
  claims: query(() =>
    db
      .selectFrom(table)
      .select(['id', 'fence', 'updated_at', 'due_at'])
      .where('delivery_state', '=', sql.lit('sending'))
      .where('due_at', 'is not', null)
      .orderBy('id')
      .compile(),
  ),
  challenge: query((p: Param<{ id: number; fence: number; due_at: number; until: number }>) =>
    db
      .updateTable(table)
      .set({ due_at: p('due_at') })
      .where('id', '=', p('id'))
      .where('fence', '=', p('fence'))
      .where('due_at', '=', p('until'))
      .where('delivery_state', '=', 'sending')
      .compile(),
  ),
  silent: query((p: Param<Silent>) =>
    db
      .selectFrom(table)
      .selectAll()
      .where('status', '=', sql.lit('SENT'))
      .where('created_at', '<=', p('until'))
      .where(sql<boolean>`(created_at, id) > (${p('created_at')}, ${p('id')})`)
      .where('notification_type', '=', p('channel'))
      .where('delivery_detail', 'is', null)
      .orderBy('created_at')
      .orderBy('id')
      .limit(p('limit'))
      .compile(),
  ),
  suspended: query((p: Param<HeldAfter>) =>
    db
      .selectFrom(table)
      .selectAll()
      .where('held_at', 'is not', null)
      .where('delivery_state', '=', 'queued')
      .where(afterHeld(p))
      .orderBy('held_at')
      .orderBy('id')
      .limit(p('limit'))
      .compile(),
  ),
  ofAppointment: query((p: Param<{ organizationId: string; appointmentId: EntityId; limit: number }>) =>
    db
      .selectFrom(table)
      .selectAll()
      .where('appointment_id', '=', p('appointmentId'))
      // See `notices`.
      .where(sql<string>`+organization_id`, '=', p('organizationId'))
      .orderBy('id', 'desc')
      .limit(p('limit'))
      .compile(),
  ),
  /** Those that were sent with a calendar file. */
  filedOfAppointment: query((p: Param<{ organizationId: string; appointmentId: EntityId; limit: number }>) =>
    db
      .selectFrom(table)
      .selectAll()
      .where('appointment_id', '=', p('appointmentId'))
      .where('calendar_sequence', 'is not', null)
      // See `notices`.
      .where(sql<string>`+organization_id`, '=', p('organizationId'))
      .orderBy('id', 'desc')
      .limit(p('limit'))
      .compile(),
  ),
  notices: query((p: Param<{ organizationId: string; appointmentId: EntityId }>) =>
    db
      .selectFrom(table)
      .selectAll()
      .where('appointment_id', '=', p('appointmentId'))
      // The plus keeps the planner off the index of an organization's rows: an appointment has few.
      .where(sql<string>`+organization_id`, '=', p('organizationId'))
      .where('notification_category', 'in', ['CONFIRMATION', 'RESCHEDULE', 'CANCELLATION'])
      .orderBy('id', 'desc')
      .limit(100)
      .compile(),
  ),
})
