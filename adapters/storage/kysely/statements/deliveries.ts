import { sql } from 'kysely'
import type { Channel, EntityId, RecipientType } from '../../../../src/index.ts'
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

const table = 'notification_history'
const content = ['recipient_email', 'recipient_phone', 'subject', 'message', 'template_revision'] as const

type Superseded = {
  appointmentId: EntityId
  organizationId: string
  recipientType: RecipientType
  recipientId: EntityId
  channel: Channel
}

export const deliveryStatements = <M extends Mode>(db: Builder, bind: Bind<M>) => ({
  get: bind(query((p: Param<{ id: number }>) => db.selectFrom(table).selectAll().where('id', '=', p('id')).compile())),
  state: bind(
    query((p: Param<{ id: number }>) =>
      db
        .selectFrom(table)
        .select([
          'id',
          'delivery_state',
          'organization_id',
          'notification_type',
          'notification_category',
          'provider',
          'reminder_id',
          'attempts',
          'unknown_outcomes',
        ])
        .where('id', '=', p('id'))
        .compile(),
    ),
  ),
  /** What settling needs to know; nothing if the fence moved on. */
  held: bind(
    query((p: Param<{ id: number; fence: number }>) =>
      db
        .selectFrom(table)
        .select([
          'organization_id',
          'appointment_id',
          'waitlist_entry_id',
          'notification_type',
          'notification_category',
          'recipient_type',
          'recipient_id',
          'provider',
          'reminder_id',
          'attempts',
          'unknown_outcomes',
        ])
        .where('id', '=', p('id'))
        .where('fence', '=', p('fence'))
        .where('delivery_state', '=', 'sending')
        .compile(),
    ),
  ),
  due: dueStatements(db, bind, table),
  insert: bind(
    insertQuery(
      db,
      table,
      [
        'notification_type',
        'notification_category',
        'recipient_type',
        'recipient_id',
        ...content,
        'status',
        'error_code',
        'error_message',
        'appointment_id',
        'waitlist_entry_id',
        'created_at',
        'updated_at',
        'organization_id',
        'delivery_state',
        'due_at',
        'fence',
        'attempts',
        'unknown_outcomes',
        'reminder_id',
        'provider',
        'idempotency_key',
        'dedupe_key',
        'snapshot',
      ] as const,
      sql`on conflict (organization_id, dedupe_key) where dedupe_key is not null do nothing`,
    ),
  ),
  claim: bind(
    updateQuery(db, table, [
      ...content,
      'provider',
      'idempotency_key',
      'delivery_state',
      'due_at',
      'fence',
      'attempts',
      'unknown_outcomes',
      'updated_at',
    ] as const),
  ),
  renew: bind(
    query((p: Param<{ id: number; fence: number; due_at: number; updated_at: number }>) =>
      db
        .updateTable(table)
        .set({ due_at: p('due_at'), updated_at: p('updated_at') })
        .where('id', '=', p('id'))
        .where('fence', '=', p('fence'))
        .where('delivery_state', '=', 'sending')
        .compile(),
    ),
  ),
  /** The word stands in the statement, as in the index that serves it. */
  claims: bind(
    query(() =>
      db
        .selectFrom(table)
        .select(['id', 'fence', 'updated_at', 'due_at'])
        .where('delivery_state', '=', sql.lit('sending'))
        .where('due_at', 'is not', null)
        .orderBy('id')
        .compile(),
    ),
  ),
  challenge: bind(
    query((p: Param<{ id: number; fence: number; due_at: number; until: number }>) =>
      db
        .updateTable(table)
        .set({ due_at: p('due_at') })
        .where('id', '=', p('id'))
        .where('fence', '=', p('fence'))
        .where('due_at', '=', p('until'))
        .where('delivery_state', '=', 'sending')
        .compile(),
    ),
  ),
  cancel: bind(updateQuery(db, table, ['delivery_state', 'reason', 'due_at', 'updated_at'] as const)),
  /** Handed over, and not wanted any more; whoever has it is still to be told. */
  recall: bind(updateQuery(db, table, ['reason', 'updated_at'] as const)),
  text: bind(updateQuery(db, table, [...content, 'updated_at'] as const)),
  /** Queued again, given up, or over with an error. */
  fault: bind(
    updateQuery(db, table, [
      'status',
      'delivery_state',
      'due_at',
      'error_code',
      'error_message',
      'attempts',
      'unknown_outcomes',
      'updated_at',
    ] as const),
  ),
  sent: bind(
    updateQuery(db, table, [
      'status',
      'delivery_state',
      'due_at',
      'sent_at',
      'provider_message_id',
      'error_code',
      'error_message',
      'updated_at',
    ] as const),
  ),
  defer: bind(updateQuery(db, table, ['delivery_state', 'due_at', 'unknown_outcomes', 'updated_at'] as const)),
  /** Until somebody decides, or decided. */
  suspend: bind(
    updateQuery(db, table, ['delivery_state', 'due_at', 'held_at', 'unknown_outcomes', 'updated_at'] as const),
  ),
  suspended: bind(
    query((p: Param<HeldAfter>) =>
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
  ),
  receive: bind(
    updateQuery(db, table, [
      'status',
      'delivery_state',
      'due_at',
      'sent_at',
      'delivered_at',
      'error_code',
      'error_message',
      'updated_at',
    ] as const),
  ),
  identify: bind(updateQuery(db, table, ['provider_message_id'] as const)),
  /** Lifecycle notices, queued or handed over, that a newer one of the same appointment, recipient and channel replaces. */
  superseded: bind(
    query((p: Param<Superseded & { newId: number }>) =>
      db
        .selectFrom(table)
        .select(['id', 'notification_category', 'delivery_state', 'provider', 'attempts', 'unknown_outcomes'])
        .where('appointment_id', '=', p('appointmentId'))
        .where('organization_id', '=', p('organizationId'))
        .where('recipient_type', '=', p('recipientType'))
        .where('recipient_id', '=', p('recipientId'))
        .where('notification_type', '=', p('channel'))
        .where('delivery_state', 'in', ['queued', 'handed_over'])
        .where('reason', 'is', null)
        .where('notification_category', 'in', ['CONFIRMATION', 'RESCHEDULE', 'CANCELLATION'])
        .where('id', '!=', p('newId'))
        .compile(),
    ),
  ),
  notices: bind(
    query((p: Param<{ organizationId: string; appointmentId: EntityId }>) =>
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
  ),
  openOfAppointment: bind(
    query((p: Param<{ appointmentId: EntityId }>) =>
      db
        .selectFrom(table)
        .selectAll()
        .where('appointment_id', '=', p('appointmentId'))
        .where('delivery_state', 'in', ['queued', 'sending', 'handed_over'])
        .compile(),
    ),
  ),
  openOfRecipient: bind(
    query((p: Param<{ recipientType: RecipientType; recipientId: EntityId }>) =>
      db
        .selectFrom(table)
        .selectAll()
        .where('recipient_type', '=', p('recipientType'))
        .where('recipient_id', '=', p('recipientId'))
        .where('delivery_state', 'in', ['queued', 'sending', 'handed_over'])
        .compile(),
    ),
  ),
  suppress: bind(
    insertQuery(
      db,
      'notification_suppressions',
      ['organization_id', 'channel', 'address', 'reason', 'created_at'] as const,
      sql`on conflict do nothing`,
    ),
  ),
  /** `list` holds `[organization, channel, address]` each; the answer is the places in it, from 0. */
  suppressions: bind(
    query((p: Param<{ list: string }>) =>
      db
        .selectFrom(asked<string>(p('list')))
        .crossJoin('notification_suppressions as suppressed')
        .select(sql<number>`asked.key`.as('place'))
        .where('suppressed.organization_id', '=', sql<string>`asked.value ->> 0`)
        .where('suppressed.channel', '=', sql<Channel>`asked.value ->> 1`)
        .where('suppressed.address', '=', sql<string>`asked.value ->> 2`)
        .compile(),
    ),
  ),
})
