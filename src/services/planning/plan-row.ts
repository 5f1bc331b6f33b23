import { type Appointment, inactiveRule, isSameRecipient, refOf } from '../../domain/appointment.ts'
import { tzDataVersion } from '../../domain/local-time.ts'
import type { PlanRow } from '../../ports/storage.ts'
import type { Actor, PlanningAction } from '../../schemas/audit.ts'
import type { EntityId } from '../../schemas/common.ts'
import { type RecipientRef, refKey } from '../../schemas/common.ts'
import type { OffsetInput } from '../../schemas/offset.ts'
import type { Rule } from '../../schemas/rules.ts'
import { isSameZone } from '../../schemas/time-zone.ts'
import type { AppointmentCategory } from '../../schemas/vocabulary.ts'
import type { Scope } from '../shared/owners.ts'

/** What a request changes in a plan. */
export type PlanChange = {
  /** Undefined keeps those of the plan. */
  readonly customReminders?: readonly OffsetInput[] | null | undefined
  /** Plan reminders again that were cancelled by request. */
  readonly reactivate: boolean
  /** The host reports the appointment as cancelled, even if its directory does not yet; the reason for the rows. */
  readonly cancelAs?: Rule
}

export type PlanRequest = PlanChange & {
  readonly appointmentId: EntityId
  /** The organization that asks: appointments of others do not exist for it. Default: any organization. */
  readonly scope?: Scope
  /** A lifecycle notice to queue in the same transaction. */
  readonly notice?: AppointmentCategory
  /** Send no notices. Default false: recipients added too late for any reminder get a confirmation. */
  readonly silent?: boolean
  /** Who caused it, for the audit log. Default: the library itself. */
  readonly by?: Actor
  /** The action recorded in the audit log. Default: none is recorded. */
  readonly action?: PlanningAction | undefined
  /** Fail with `appointment_not_active`, without writing, if the appointment is not active. Default false: its reminders are cancelled. */
  readonly requireActive?: boolean
  /**
   * The library found the change itself: reminders not yet due when the appointment moved are sent at once if their time is past
   * for the new start, whatever the policy, since the recipients were not notified of the move. Default false.
   */
  readonly unreported?: boolean
  /** Found by reconciliation: recorded in the decision, and an inactive or past appointment without a plan gets none. */
  readonly reconciled?: boolean
  /** True: it is only drafted, and nothing written. */
  readonly dryRun?: boolean
  /** Skip past times, whatever the organization's policy: those reminders may have been sent. Default false. */
  readonly skipPast?: boolean
}

/** A request for an appointment that differs from its plan without a report of the change. */
export const unreportedChange = (appointmentId: EntityId): PlanRequest => ({
  appointmentId,
  reactivate: false,
  unreported: true,
})

/** The plan row an appointment should have, with its revisions incremented if it differs from the previous one. */
export function planRowOf(request: PlanChange, appointment: Appointment, before: PlanRow | null, now: Date): PlanRow {
  const off = request.cancelAs ?? inactiveRule(appointment.status)
  const staysOff = off === null && before?.cancelReason === 'cancelled_by_request' && !request.reactivate
  const cancelReason = off ?? (staysOff ? 'cancelled_by_request' : null)
  const customReminders =
    request.customReminders === undefined ? (before?.customReminders ?? null) : request.customReminders
  const facts = {
    startsAt: appointment.start.instant,
    localStart: appointment.start.local,
    timeZone: zoneOf(appointment, before),
    customReminders,
    status: cancelReason === null ? 'active' : 'cancelled',
    cancelReason,
    recipients: [...appointment.recipients.map(refOf), ...unreadable(appointment, before)],
  } as const
  const lifecycle = ({ startsAt, timeZone, status }: typeof facts | PlanRow) =>
    JSON.stringify([startsAt.getTime(), timeZone, status])
  const whole = (row: typeof facts | PlanRow) =>
    // Recipients sorted: their order in the directory's row does not matter.
    JSON.stringify([
      lifecycle(row),
      row.localStart,
      row.customReminders,
      row.cancelReason,
      row.recipients.map(refKey).sort(),
    ])
  const sameLifecycle = before !== null && lifecycle(before) === lifecycle(facts)
  const same = before !== null && whole(before) === whole(facts)
  return {
    organizationId: appointment.organizationId,
    appointmentId: appointment.id,
    ...facts,
    tzVersion: tzDataVersion(),
    revision: (before?.revision ?? 0) + (same ? 0 : 1),
    // Starts at the time in milliseconds: a plan created again after its deletion must not reuse its old dedupe keys.
    lifecycleRevision: (before?.lifecycleRevision ?? now.getTime()) + (sameLifecycle ? 0 : 1),
  }
}

/** Another name of the same zone is not a change. */
function zoneOf({ start }: Appointment, before: PlanRow | null): string {
  return before !== null && isSameZone(before.timeZone, start.timeZone) ? before.timeZone : start.timeZone
}

/** Former recipients who may still be part of the appointment, because one of its recipients cannot be read. */
function unreadable({ hasUnreadablePeople, recipients }: Appointment, before: PlanRow | null): readonly RecipientRef[] {
  if (!hasUnreadablePeople || before === null) return []
  return before.recipients.filter((ref) => !recipients.some((one) => isSameRecipient(one, ref)))
}

/** How an appointment's plan changed, as named in the report of a reconciliation. */
export type PlanDrift = 'planned' | 'moved' | 'cancelled' | 'replanned'

export function driftOf(before: PlanRow | null, after: PlanRow): PlanDrift {
  if (before === null) return 'planned'
  if (after.status === 'cancelled') return 'cancelled'
  return before.startsAt.getTime() === after.startsAt.getTime() ? 'replanned' : 'moved'
}

/** Why reminders of the previous plan are no longer needed. */
export function supersedingRule(before: PlanRow | null, after: PlanRow): Rule {
  if (after.cancelReason !== null) return after.cancelReason
  if (driftOf(before, after) !== 'moved') return 'replanned'
  const sameClock = before?.localStart === after.localStart && before.timeZone === after.timeZone
  return sameClock && before.tzVersion !== after.tzVersion ? 'zone_data_changed' : 'appointment_moved'
}
