import { type IdCodec, instant } from '../../ports/rows/ids.ts'
import type { Row } from '../../ports/rows/tables/tables.ts'
import type { AnswerRow, AskedRow } from '../../ports/storage/answers.ts'
import type { ReplyAppointment } from '../../schemas/answer.ts'
import type { EntityId, RecipientRef } from '../../schemas/common.ts'

export function decodeAnswer(row: Row<'notification_answers'>): AnswerRow {
  const candidates: readonly ReplyAppointment[] = row.candidates === null ? [] : JSON.parse(row.candidates)
  const actorId: EntityId | null = row.actor_id === null ? null : JSON.parse(row.actor_id)
  return {
    id: row.id,
    organizationId: row.organization_id,
    appointmentId: row.appointment_id,
    recipient:
      row.recipient_type === null || row.recipient_id === null
        ? null
        : { type: row.recipient_type, id: row.recipient_id },
    kind: row.kind,
    via: row.via,
    channel: row.channel,
    address: row.address,
    text: row.message,
    candidates,
    startsAt: instant(row.starts_at),
    at: new Date(row.answered_at),
    by: { kind: row.actor_kind, id: actorId },
    dueAt: instant(row.due_at),
    attempts: row.attempts,
    lastError: row.last_error,
    deliveredAt: instant(row.delivered_at),
    handledAt: instant(row.handled_at),
  }
}

export const encodeRecipient = (ids: IdCodec, recipient: RecipientRef | null) => ({
  recipient_type: recipient?.type ?? null,
  recipient_id: recipient === null ? null : ids('recipient', recipient.id),
})

/** What is read of a message that asks: a long row without its text. */
export const askedColumns = [
  'id',
  'organization_id',
  'appointment_id',
  'recipient_type',
  'recipient_id',
  'notification_type',
  'recipient_address',
  'ask_code',
  'ask_until',
  'ask_sender',
  'sent_at',
  'updated_at',
] as const satisfies readonly (keyof Row<'notification_history'>)[]

/** Null: it asks for nothing. */
export function decodeAsked(row: Pick<Row<'notification_history'>, (typeof askedColumns)[number]>): AskedRow | null {
  const { appointment_id: appointmentId, recipient_address: address, ask_code: code, ask_until: until } = row
  if (appointmentId === null || address === null || code === null || until === null) return null
  return {
    notificationId: row.id,
    organizationId: row.organization_id,
    appointmentId,
    recipient: { type: row.recipient_type, id: row.recipient_id },
    channel: row.notification_type,
    address,
    code,
    until: new Date(until),
    sender: row.ask_sender,
    askedAt: new Date(row.sent_at ?? row.updated_at),
  }
}
