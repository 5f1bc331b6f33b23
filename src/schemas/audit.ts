import { z } from 'zod'
import type { Channel } from '../channels/index.ts'
import type { ConsentStatement } from './address.ts'
import { type EntityId, entityId, type RecipientRef } from './common.ts'
import type { OffsetInput } from './offset.ts'
import type { Category, SuppressionCause } from './vocabulary.ts'

/**
 * Who did something. `system`: the library itself. `service`: the host application, also when it calls the library in
 * TypeScript.
 */
export const actorKinds = ['system', 'service', 'staff', 'patient', 'client'] as const
/**
 * Who did something. `system`: the library itself. `service`: the host application, also when it calls the library in
 * TypeScript.
 */
export type ActorKind = (typeof actorKinds)[number]
/** Who did something, for the audit log: `{ kind: 'staff', id: 7 }`. `id` null: no particular one. */
export type Actor = { readonly kind: ActorKind; readonly id: EntityId | null }
export const actorSchema = z.strictObject({ kind: z.enum(actorKinds), id: entityId.nullable() })

export const systemActor: Actor = { kind: 'system', id: null }
/** Who calls the services in TypeScript, unless `as()` names somebody. */
export const serviceActor: Actor = { kind: 'service', id: null }

/** The actions that the audit log records. */
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
/** An action that the audit log records. */
export type AuditAction = (typeof auditActions)[number]
export type PlanningAction = Extract<AuditAction, `reminders.${string}`>

/** What an action can be about. */
export const auditTargets = [
  'organization',
  'patient',
  'client',
  'practitioner',
  'appointment',
  'waitlist_entry',
  'address',
] as const
/** What an action was about. */
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

/**
 * A field that changed. `from` and `to` are given only for switches, offsets and policies: never for secrets, contacts or
 * texts.
 */
export type AuditChange = {
  /** Name of the field, such as `smsEnabled`. */
  readonly field: string
  readonly from?: unknown
  readonly to?: unknown
}

/** Details of an audit entry; which fields it has depends on the action. */
export type AuditDetail = {
  readonly changes?: readonly AuditChange[]
  /** Version of the templates: the draft that was saved or discarded, or the version that was published. */
  readonly version?: number
  readonly notificationIds?: readonly number[]
  /** Reminders that were created, and those that were cancelled. */
  readonly reminderIds?: readonly number[]
  readonly cancelledReminderIds?: readonly number[]
  /** Custom offsets of the plan; null: the effective offsets of each recipient. */
  readonly offsets?: readonly OffsetInput[] | null
  readonly category?: Category
  readonly channel?: Channel
  /** The rule; for a test message the transport's code. */
  readonly reason?: string
  /** Why an address was suppressed. */
  readonly cause?: SuppressionCause
  /** The person's new consent, as recorded by who lifted the suppression. */
  readonly consent?: ConsentStatement
  /** Result: of the appointment, the test message or the answer to a person, or what was reported about the message. */
  readonly outcome?: string
}

/** An entry of the audit log. */
export type AuditRecord = {
  readonly id: number
  readonly organizationId: string
  readonly at: Date
  readonly actor: Actor
  readonly action: AuditAction
  /** What the action was about; null: `detail` says it. */
  readonly target: AuditTarget | null
  readonly detail: AuditDetail
}
