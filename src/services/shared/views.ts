import type { Channel } from '../../channels/index.ts'
import type { DeliveryRow, PlanAnswer, ReminderRow } from '../../ports/storage.ts'
import type { RecipientRef } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import type { MessageCost } from '../../schemas/message-price.ts'

/** A reminder. */
export type Reminder = Omit<ReminderRow, 'dueAt' | 'heldAt' | 'notificationId' | 'message'> & {
  /** The text that was sent; with `preview`, the text that would be sent now; with `erased`, ''. */
  readonly message: string
  /** True: the reminder has not been sent, and `message` and `subject` are rendered from the present state. */
  readonly preview: boolean
  /** True: it was sent or tried, and its text was deleted since, by an erasure or by `retention`. */
  readonly erased: boolean
}

/** What a recipient answered last about an appointment, for its present start. */
export type AppointmentAnswer = PlanAnswer

/** A message that is queued or was sent (a delivery). */
export type Notification = Omit<
  DeliveryRow,
  'dueAt' | 'heldAt' | 'erasedAt' | 'fence' | 'snapshot' | 'dedupeKey' | 'unknownOutcomes'
>

/** A message that was not planned or sent, and the rule that decided so. */
export type SkippedMessage = DecisionEntry

/** The reminders of an appointment after planning. */
export type ScheduleResult = {
  readonly appointmentId: ReminderRow['appointmentId']
  readonly organizationId: string
  /** The reminders in force (pending, sent or failed), earliest first. */
  readonly reminders: readonly Reminder[]
  /** Number of reminders that this call cancelled because they are no longer wanted. */
  readonly cancelled: number
  /** Number of reminders that were being sent at that moment, and may still arrive. */
  readonly inFlight: number
  /** Who gets no reminder, or fewer, and by which rule. */
  readonly omitted: readonly SkippedMessage[]
}

/** The reminders of an appointment after an event, and the notices about it. */
export type LifecycleResult = ScheduleResult & {
  /** Notices queued by this call; empty if the same event was reported before. */
  readonly notifications: readonly Notification[]
}

/** What a call cancelled. */
export type CancelResult = {
  /** Number of reminders that this call cancelled. */
  readonly cancelled: number
  /** Number of messages that were being sent at that moment, and may still arrive. */
  readonly inFlight: number
}

/** The notices queued, by this call or by an earlier one with the same `idempotencyKey`; and who was left out, by which rule. */
export type SendResult = {
  readonly notifications: readonly Notification[]
  readonly omitted: readonly SkippedMessage[]
}

/** A reminder that would be planned, with the text it would have. */
export type PlannedMessage = Omit<Reminder, RowOnly>
type RowOnly = keyof Pick<
  Reminder,
  | 'id'
  | 'organizationId'
  | 'appointmentId'
  | 'status'
  | 'reason'
  | 'sentAt'
  | 'errorMessage'
  | 'erased'
  | 'taskManagerTaskId'
  | 'taskManagerExecutionId'
  | 'createdAt'
  | 'updatedAt'
>

/** What would be sent, and what would not and why. */
/** A message as it would be sent: how many segments it has, and what they cost by the organization's prices; null: neither is known. */
export type PricedMessage = PlannedMessage & {
  readonly segments: number | null
  readonly cost: MessageCost | null
  /** The time of its offset, where that is within quiet hours and the reminder is moved out of them; null: it is not. */
  readonly movedFrom: Date | null
  /** Who is written to in place of the recipient (`contactOrder`); null: nobody. */
  readonly contact: RecipientRef | null
  /** The channels that would take over if it failed, in their order, as far as they reach the person now. */
  readonly fallback: readonly Channel[]
}

/** What would be sent, and what would be left out, by which rule. */
export type DryRun = { readonly reminders: readonly PricedMessage[]; readonly omitted: readonly SkippedMessage[] }

/** A page of notifications, newest first. */
export type HistoryPage = {
  readonly notifications: readonly Notification[]
  /** Number of notifications on all pages together, counted up to 10000. */
  readonly total: number
  /** False: there are more than `total`. */
  readonly totalIsExact: boolean
  readonly limit: number
  readonly offset: number
  /** `cursor` of the next page; null on the last. */
  readonly nextCursor: string | null
}

/** A page of the reminders of an appointment, earliest first. */
export type ReminderPage = {
  readonly reminders: readonly Reminder[]
  /** What each recipient answered last, for the present start. */
  readonly answers: readonly AppointmentAnswer[]
  /** `cursor` of the next page; null on the last. */
  readonly nextCursor: string | null
}

export function showNotification(row: DeliveryRow): Notification {
  const { dueAt, heldAt, erasedAt, fence, snapshot, dedupeKey, unknownOutcomes, ...shown } = row
  return shown
}

export function showReminder(row: ReminderRow, preview: { subject: string | null; text: string } | null): Reminder {
  const { dueAt: _due, heldAt: _held, notificationId: _notification, ...shown } = row
  if (row.message !== null) return { ...shown, message: row.message, preview: false, erased: false }
  if (isErased(row)) return { ...shown, message: '', preview: false, erased: true }
  return { ...shown, subject: preview?.subject ?? null, message: preview?.text ?? '', preview: true, erased: false }
}

/** One that failed before it had a text says why. */
const isErased = ({ status, notificationId, message, errorMessage }: ReminderRow): boolean =>
  message === null && notificationId !== null && (status === 'SENT' || (status === 'FAILED' && errorMessage === null))
