import { sql } from 'kysely'
import type { Category, Channel, DeliveryState, DeliveryStatus, EntityId } from '../../../../src/index.ts'
import { type Builder, type InstantOf, query } from '../query.ts'

/** A `DeliveryQuery` in the database's terms. */
export type HistoryFilter = {
  readonly organizationId: string | undefined
  readonly recipientType: string | undefined
  readonly recipientId: EntityId | undefined
  readonly appointmentId: EntityId | undefined
  readonly waitlistEntryId: EntityId | undefined
  readonly channel: Channel | undefined
  readonly category: Category | undefined
  readonly status: DeliveryStatus | undefined
  readonly state: DeliveryState | undefined
  readonly from: number | undefined
  readonly to: number | undefined
}
export type HistoryPage = {
  readonly limit: number
  readonly offset: number
  readonly after: { readonly createdAt: number; readonly id: number } | undefined
}

function filtered(db: Builder, filter: HistoryFilter, instantOf: InstantOf) {
  let rows = db.selectFrom('notification_history')
  const equal = [
    ['organization_id', filter.organizationId],
    ['recipient_id', filter.recipientId],
    ['appointment_id', filter.appointmentId],
    ['waitlist_entry_id', filter.waitlistEntryId],
    ['notification_type', filter.channel],
    ['notification_category', filter.category],
    ['status', filter.status],
    ['delivery_state', filter.state],
  ] as const
  for (const [column, value] of equal) if (value !== undefined) rows = rows.where(column, '=', value)
  const { recipientType, from, to } = filter
  if (recipientType !== undefined) {
    rows = rows.where((e) => e(e.ref('recipient_type').$castTo<string>(), '=', recipientType))
  }
  if (from !== undefined) rows = rows.where('created_at', '>=', instantOf(from))
  if (to !== undefined) rows = rows.where('created_at', '<=', instantOf(to))
  return rows
}

/** Compiled for every call: which conditions there are is the caller's choice. */
export const historyTotal = (db: Builder, filter: HistoryFilter, instantOf: InstantOf) =>
  query(() =>
    filtered(db, filter, instantOf)
      .select((e) => e.fn.countAll<number>().as('total'))
      .compile(),
  )

export function historyPage(db: Builder, filter: HistoryFilter, page: HistoryPage, instantOf: InstantOf) {
  let rows = filtered(db, filter, instantOf).selectAll()
  const { after } = page
  if (after !== undefined) {
    rows = rows.where(sql<boolean>`(created_at, id) < (${instantOf(after.createdAt)}, ${after.id})`)
  }
  rows = rows.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(page.limit)
  if (page.offset > 0) rows = rows.offset(page.offset)
  return query(() => rows.compile())
}
