import { type RawBuilder, sql } from 'kysely'
import type { EntityId } from '../../../../src/index.ts'
import type { Dialect } from '../dialect.ts'
import type { Silent } from '../held.ts'
import {
  afterHeld,
  type Builder,
  type HeldAfter,
  type Keys,
  type Param,
  query,
  type RecordOf,
  rowsBy,
} from '../query.ts'
import { dueStatements } from './due.ts'

const table = 'notification_history'

type OfAppointments = Keys & { limit: number }

export const deliveryStatements = (db: Builder, dialect: Dialect) => {
  /** Of each the newest, newest first. An appointment has few rows, so no index of an organization's is of use. */
  const ofAppointments = (p: Param<OfAppointments>, which: RawBuilder<unknown>) =>
    sql<RecordOf<typeof table>>`select * from (
        select t.*, row_number() over (partition by t.appointment_id, t.organization_id order by t.id desc) as place
        from ${dialect.keyed(table, ['appointment_id'], p('keys'), ['organization_id'])} where ${which}
      ) as newest where place <= ${p('limit')} order by id desc`.compile(db)
  return {
    get: rowsBy(db, dialect, table, 'id'),
    due: dueStatements(db, table),
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
    ofAppointments: query((p: Param<OfAppointments>) => ofAppointments(p, sql`true`)),
    /** Those that were sent with a calendar file. */
    filedOfAppointments: query((p: Param<OfAppointments>) => ofAppointments(p, sql`t.calendar_sequence is not null`)),
    notices: query((p: Param<{ organizationId: string; appointmentId: EntityId }>) =>
      db
        .selectFrom(table)
        .selectAll()
        .where('appointment_id', '=', p('appointmentId'))
        .where(sql<boolean>`${dialect.unindexed('organization_id')} = ${p('organizationId')}`)
        .where('notification_category', 'in', ['CONFIRMATION', 'RESCHEDULE', 'CANCELLATION'])
        .orderBy('id', 'desc')
        .limit(100)
        .compile(),
    ),
  }
}
