import type { Category, Channel, DeliveryState, DeliveryStatus, EntityId } from '../../../../src/index.ts'
import { type Builder, query } from '../query.ts'

/** A `DeliveryQuery` in the database's terms: the value of each column that is asked for, and the period. */
export type HistoryFilter = {
  readonly equals: {
    readonly organization_id?: string
    readonly appointment_id?: EntityId
    readonly waitlist_entry_id?: EntityId
    readonly recipient_type?: string
    readonly recipient_address?: string
    readonly recipient_id?: EntityId
    readonly notification_type?: Channel
    readonly notification_category?: Category
    readonly status?: DeliveryStatus
    readonly delivery_state?: DeliveryState
  }
  readonly from: number | undefined
  readonly to: number | undefined
}

/** In any order. */
export const historyRows = (db: Builder, ids: readonly number[]) =>
  query(() => db.selectFrom('notification_history').selectAll().where('id', 'in', ids).compile())

/** The same, of what went out in these deliveries' messages. */
export const rowsSentWith = (db: Builder, ids: readonly number[]) =>
  query(() => db.selectFrom('notification_history').selectAll().where('sent_with', 'in', ids).compile())

/** The same, by the ids that providers gave them. */
export const providerRows = (db: Builder, messageIds: readonly string[]) =>
  query(() =>
    db.selectFrom('notification_history').selectAll().where('provider_message_id', 'in', messageIds).compile(),
  )
