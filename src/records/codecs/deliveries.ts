import type { Channel } from '../../channels/index.ts'
import { addressKey } from '../../domain/effective.ts'
import type { Reports } from '../../domain/transitions.ts'
import { encodeOptionalId, type IdCodec, instant } from '../../ports/rows/ids.ts'
import { unassigned } from '../../ports/rows/rows.ts'
import type { Row } from '../../ports/rows/tables/tables.ts'
import type { Claim } from '../../ports/storage/deliveries.ts'
import type {
  Ask,
  CalendarMark,
  DeliveryContent,
  DeliveryDetail,
  DeliveryRow,
  NewDelivery,
} from '../../ports/storage/delivery-rows.ts'
import { reportWords } from '../../schemas/vocabulary.ts'

const keyOf = (channel: Channel, address: string | null) => (address === null ? null : addressKey(channel, address))

/** What was reported, in ms; and since when it counts as never reported. */
export type Detail = Reports & { readonly unreported?: number }

export const readDetail = (text: string | null): Detail => (text === null ? {} : JSON.parse(text))

/** In one order, so that the same reports make the same row. */
export function writeDetail(detail: Detail): string | null {
  const known = [...reportWords, 'unreported' as const].filter((word) => detail[word] !== undefined)
  return known.length === 0 ? null : JSON.stringify(Object.fromEntries(known.map((word) => [word, detail[word]])))
}

function decodeDetail(text: string | null): DeliveryDetail | null {
  if (text === null) return null
  return Object.fromEntries(Object.entries(readDetail(text)).map(([word, at]) => [word, new Date(at)]))
}

export const decodeDelivery = (row: Row<'notification_history'>): DeliveryRow => ({
  id: row.id,
  organizationId: row.organization_id,
  appointmentId: row.appointment_id,
  waitlistEntryId: row.waitlist_entry_id,
  reminderId: row.reminder_id,
  recipient: { type: row.recipient_type, id: row.recipient_id },
  channel: row.notification_type,
  category: row.notification_category,
  recipientEmail: row.recipient_email,
  recipientPhone: row.recipient_phone,
  // A library of the version before wrote none beside this one.
  recipientAddress: row.recipient_address ?? keyOf(row.notification_type, row.recipient_email ?? row.recipient_phone),
  subject: row.subject,
  message: row.message,
  templateRevision: row.template_revision,
  status: row.status,
  state: row.delivery_state,
  reason: row.reason,
  sentAt: instant(row.sent_at),
  deliveredAt: instant(row.delivered_at),
  deliveryDetail: decodeDetail(row.delivery_detail),
  errorCode: row.error_code,
  errorMessage: row.error_message,
  provider: row.provider,
  accountId: row.account_id,
  providerMessageId: row.provider_message_id,
  idempotencyKey: row.idempotency_key,
  dedupeKey: row.dedupe_key,
  snapshot: row.snapshot,
  fallbackOf: row.fallback_of,
  sentWith: row.sent_with,
  ask: decodeAsk(row),
  calendar: decodeCalendar(row),
  attempts: row.attempts,
  unknownOutcomes: row.unknown_outcomes,
  fence: row.fence,
  dueAt: instant(row.due_at),
  heldAt: instant(row.held_at),
  erasedAt: instant(row.erased_at),
  taskManagerTaskId: row.task_manager_task_id,
  taskManagerExecutionId: row.task_manager_execution_id,
  createdAt: new Date(row.created_at),
  updatedAt: new Date(row.updated_at),
  ...(row.trace_context !== null && { traceContext: row.trace_context }),
})

export const decodeClaim = (
  row: Pick<Row<'notification_history'>, 'id' | 'fence' | 'updated_at' | 'due_at'>,
): Claim => ({
  id: row.id,
  fence: row.fence,
  since: new Date(row.updated_at),
  until: new Date(row.due_at ?? row.updated_at),
})

/** The text that goes out, and where to, as columns. */
export const encodeContent = (content: DeliveryContent) => ({
  recipient_email: content.recipientEmail,
  recipient_phone: content.recipientPhone,
  recipient_address: content.recipientAddress,
  subject: content.subject,
  message: content.message,
  template_revision: content.templateRevision,
})

type AskColumns = Pick<Row<'notification_history'>, 'ask_code' | 'ask_until' | 'ask_sender'>

const decodeAsk = ({ ask_code: code, ask_until: until, ask_sender: sender }: AskColumns): Ask | null =>
  code === null || until === null ? null : { code, until: new Date(until), sender }

export const encodeAsk = (ask: Ask | null): AskColumns => ({
  ask_code: ask?.code ?? null,
  ask_until: ask?.until.getTime() ?? null,
  ask_sender: ask?.sender ?? null,
})

type CalendarColumns = Pick<Row<'notification_history'>, 'calendar_sequence' | 'calendar_organizer'>

const decodeCalendar = ({ calendar_sequence: sequence, calendar_organizer: organizer }: CalendarColumns) =>
  sequence === null ? null : { sequence, organizer }

export const encodeCalendar = ({ sequence, organizer }: CalendarMark): CalendarColumns => ({
  calendar_sequence: sequence,
  calendar_organizer: organizer,
})

/** What a new row holds of what comes later. */
export const untouched = {
  sent_at: null,
  delivered_at: null,
  delivery_detail: null,
  account_id: null,
  reason: null,
  provider_message_id: null,
  task_manager_task_id: null,
  task_manager_execution_id: null,
  held_at: null,
  fallback_of: null,
  sent_with: null,
  ask_code: null,
  ask_until: null,
  ask_sender: null,
  calendar_sequence: null,
  calendar_organizer: null,
  erased_at: null,
  erased_hash: null,
  trace_context: null,
}

/** A queued notification as a row to insert. */
export const encodeDelivery = (ids: IdCodec, delivery: NewDelivery, at: Date): Row<'notification_history'> => ({
  id: unassigned,
  notification_type: delivery.channel,
  notification_category: delivery.category,
  recipient_type: delivery.recipient.type,
  recipient_id: ids('recipient', delivery.recipient.id),
  ...encodeContent(delivery),
  status: null,
  error_code: null,
  error_message: null,
  appointment_id: encodeOptionalId(ids, 'appointment', delivery.appointmentId),
  waitlist_entry_id: encodeOptionalId(ids, 'waitlistEntry', delivery.waitlistEntryId),
  created_at: at.getTime(),
  updated_at: at.getTime(),
  organization_id: delivery.organizationId,
  delivery_state: 'queued' as const,
  due_at: delivery.dueAt.getTime(),
  fence: 0,
  attempts: 0,
  unknown_outcomes: 0,
  reminder_id: null,
  provider: null,
  idempotency_key: delivery.idempotencyKey,
  dedupe_key: delivery.dedupeKey,
  snapshot: delivery.snapshot,
  ...untouched,
})
