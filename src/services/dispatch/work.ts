import type { DeliveryRow, ReminderRow, Work } from '../../ports/storage.ts'
import type { EntityId, RecipientRef } from '../../schemas/common.ts'
import type { Category, Channel } from '../../schemas/vocabulary.ts'
import { reminderKey } from '../idempotency-key.ts'

/** A due row as it was read. It may be stale: the intent commit finds out. */
export type DueWork =
  | { readonly kind: 'reminder'; readonly reminder: ReminderRow; readonly delivery: null }
  /** A retry of a reminder, or one whose worker is gone. */
  | { readonly kind: 'retry'; readonly reminder: ReminderRow; readonly delivery: DeliveryRow }
  | { readonly kind: 'notice'; readonly reminder: null; readonly delivery: DeliveryRow }

/** Of one that another worker is sending. */
const heldUntil = ({ state, dueAt }: DeliveryRow): { readonly heldUntil?: Date } =>
  state === 'sending' && dueAt !== null ? { heldUntil: dueAt } : {}

export const workOf = (due: DueWork): Work =>
  due.delivery === null
    ? { kind: 'reminder', id: due.reminder.id }
    : { kind: 'delivery', id: due.delivery.id, fence: due.delivery.fence, ...heldUntil(due.delivery) }

export type WorkFacts = {
  readonly organizationId: string
  readonly appointmentId: EntityId | null
  readonly waitlistEntryId: EntityId | null
  readonly recipient: RecipientRef
  readonly channel: Channel
  readonly category: Category
}

export function factsOf(due: DueWork): WorkFacts {
  if (due.delivery !== null) return due.delivery
  const { organizationId, appointmentId, recipient, channel } = due.reminder
  return { organizationId, appointmentId, waitlistEntryId: null, recipient, channel, category: 'REMINDER' }
}

/** Work of one appointment on one channel is judged together: which reminder is nearest, who shares an address. */
export const groupKey = (due: DueWork): string => `${factsOf(due).channel} ${subjectKey(due)}`

/** It is asked for several times of each work. */
const subjectKeys = new WeakMap<DueWork, string>()

/** The same for every attempt. */
export const idempotencyKeyOf = (due: DueWork): string =>
  due.delivery === null ? reminderKey(due.reminder) : due.delivery.idempotencyKey
/** The appointment or waitlist entry that it is about, of whichever channel. */
export function subjectKey(due: DueWork): string {
  let key = subjectKeys.get(due)
  if (key === undefined) {
    const { organizationId, appointmentId, waitlistEntryId } = factsOf(due)
    key = JSON.stringify([organizationId, appointmentId, waitlistEntryId])
    subjectKeys.set(due, key)
  }
  return key
}

/** Tells the rows apart, and the fences of one row. */
export const workKey = ({ reminder, delivery }: DueWork): string =>
  delivery === null ? `reminder ${reminder.id}` : `delivery ${delivery.id} ${delivery.fence}`

/** True once an attempt may have reached somebody although it was never settled. */
export const mayHaveGoneOut = (due: DueWork): boolean =>
  due.delivery !== null && (due.delivery.state === 'sending' || due.delivery.unknownOutcomes > 0)

/** Which row it is, for the log. */
export const factsForLog = (due: DueWork) => ({
  organizationId: factsOf(due).organizationId,
  reminderId: due.reminder?.id ?? null,
  notificationId: due.delivery?.id ?? null,
})
