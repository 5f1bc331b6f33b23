import { z } from 'zod'
import type { Channel } from '../channels/index.ts'
import type { ConsentStatement } from './address.ts'
import { type EntityId, entityId, type RecipientRef } from './common.ts'
import type { OffsetInput } from './offset.ts'
import type { Category, SuppressionCause } from './vocabulary.ts'

/** Who did something. `system` is the library itself; `service` the host application, also where it calls in TypeScript. */
export const actorKinds = ['system', 'service', 'staff', 'patient', 'client'] as const
export type ActorKind = (typeof actorKinds)[number]
export type Actor = { readonly kind: ActorKind; readonly id: EntityId | null }
export const actorSchema = z.strictObject({ kind: z.enum(actorKinds), id: entityId.nullable() })

export const systemActor: Actor = { kind: 'system', id: null }
/** Who calls the services in TypeScript, unless `as()` names somebody. */
export const serviceActor: Actor = { kind: 'service', id: null }

/** What the audit log tells of. */
export const auditActions = [
  'settings.created',
  'settings.updated',
  'templates.updated',
  'templates.drafted',
  'templates.discarded',
  'preferences.created',
  'preferences.updated',
  'preferences.deleted',
  'reminders.scheduled',
  'reminders.rescheduled',
  'reminders.cancelled',
  'address.suppressed',
  'address.lifted',
  'address.proven',
  'address.held',
  'address.decided',
  'notification.queued',
  'notification.sent',
  'notification.reported',
  'outcome.recorded',
  'answer.recorded',
  'answer.handled',
  'test_message.sent',
  'person.answered',
  'recipient.exported',
  'recipient.erased',
] as const
export type AuditAction = (typeof auditActions)[number]
export type PlanningAction = Extract<AuditAction, `reminders.${string}`>

export const auditTargets = [
  'organization',
  'patient',
  'client',
  'practitioner',
  'appointment',
  'waitlist_entry',
  'address',
] as const
export type AuditTarget = { readonly type: (typeof auditTargets)[number]; readonly id: string }

const recipientTargets = { PATIENT: 'patient', CLIENT: 'client', PRACTITIONER: 'practitioner' } as const

export const recipientTarget = ({ type, id }: RecipientRef): AuditTarget => ({
  type: recipientTargets[type],
  id: String(id),
})

/** What a message is about: its appointment or waitlist entry. */
export function subjectTarget(about: {
  readonly appointmentId: EntityId | null
  readonly waitlistEntryId: EntityId | null
}): AuditTarget | null {
  if (about.appointmentId !== null) return { type: 'appointment', id: String(about.appointmentId) }
  if (about.waitlistEntryId !== null) return { type: 'waitlist_entry', id: String(about.waitlistEntryId) }
  return null
}

/** A field that changed. Values are told of switches, offsets and policies only: never of secrets, contacts or texts. */
export type AuditChange = {
  /** As the API names it in TypeScript, such as `smsEnabled`. */
  readonly field: string
  readonly from?: unknown
  readonly to?: unknown
}

export type AuditDetail = {
  readonly changes?: readonly AuditChange[]
  /** Of the templates: the draft that was kept or discarded, or what is published by the change. */
  readonly version?: number
  readonly notificationIds?: readonly number[]
  /** Those that were made, and those that were cancelled. */
  readonly reminderIds?: readonly number[]
  readonly cancelledReminderIds?: readonly number[]
  /** The custom ones of the plan; null: the effective offsets of each recipient. */
  readonly offsets?: readonly OffsetInput[] | null
  readonly category?: Category
  readonly channel?: Channel
  /** The rule, or for a test message the transport's code. */
  readonly reason?: string
  /** Why an address was suppressed. */
  readonly cause?: SuppressionCause
  /** That the person wants messages again, as whoever lifted a suppression says it. */
  readonly consent?: ConsentStatement
  /** What became of the appointment, the test message or the answer to a person, or what was reported of the message. */
  readonly outcome?: string
}

export type AuditRecord = {
  readonly id: number
  readonly organizationId: string
  readonly at: Date
  readonly actor: Actor
  readonly action: AuditAction
  /** What it was done to; null where the detail says it. */
  readonly target: AuditTarget | null
  readonly detail: AuditDetail
}
