import { type Appointment, inactiveRule, isSameRecipient, refOf } from '../../domain/appointment.ts'
import { tzDataVersion } from '../../domain/local-time.ts'
import type { PlanRow } from '../../ports/storage.ts'
import type { Actor, PlanningAction } from '../../schemas/audit.ts'
import type { EntityId } from '../../schemas/common.ts'
import { type RecipientRef, refKey } from '../../schemas/common.ts'
import type { OffsetInput } from '../../schemas/offset.ts'
import { isSameZone } from '../../schemas/time-zone.ts'
import type { AppointmentCategory, Rule } from '../../schemas/vocabulary.ts'
import type { Scope } from '../shared/owners.ts'

/** What a request changes of a plan. */
export type PlanChange = {
  /** Undefined keeps what the plan has. */
  readonly customReminders?: readonly OffsetInput[] | null | undefined
  /** Reminders that were cancelled by request are planned again. */
  readonly reactivate: boolean
  /** The host says the appointment is off, whatever its directory says yet; with the reason for the rows. */
  readonly cancelAs?: Rule
}

export type PlanRequest = PlanChange & {
  readonly appointmentId: EntityId
  /** The organization that asks: an appointment of another is not there. Default: whoever's it is. */
  readonly scope?: Scope
  /** A lifecycle notice to queue in the same transaction. */
  readonly notice?: AppointmentCategory
  /** The host wants nothing reported. Default false: who is added too late for any reminder gets a confirmation. */
  readonly silent?: boolean
  /** Who caused it, for the audit log. Default: the library itself. */
  readonly by?: Actor
  /** Somebody named asks for it: what it is in the audit log. Default: it is not there. */
  readonly action?: PlanningAction | undefined
  /** Refuse with `appointment_not_active`, writing nothing, where the host says it is off. Default false: its reminders are cancelled. */
  readonly requireActive?: boolean
  /**
   * The library found out by itself, nobody reported it: reminders that were still to come when the appointment moved are sent
   * at once where their time is past at the new start, whatever the policy, since nobody has heard of the move. Default false.
   */
  readonly unreported?: boolean
  /** Found by reconciliation: the decision says so, and what does not take place (any more) and has no plan gets none. */
  readonly reconciled?: boolean
  /** Skip what is past when it is planned, whatever the organization's policy: it may have been sent. Default false. */
  readonly skipPast?: boolean
}

/** Its truth is another one than its plan, and nobody reported that. */
export const foundOut = (appointmentId: EntityId): PlanRequest => ({
  appointmentId,
  reactivate: false,
  unreported: true,
})

/** The plan row an appointment should have, with its revisions moved on where it differs from the one before. */
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
    // In whatever order the host tells who takes part.
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
    // The first is the time in milliseconds: a plan made again after its deletion must not meet its old dedupe keys.
    lifecycleRevision: (before?.lifecycleRevision ?? now.getTime()) + (sameLifecycle ? 0 : 1),
  }
}

/** Another name of the same zone is no news. */
function zoneOf({ start }: Appointment, before: PlanRow | null): string {
  return before !== null && isSameZone(before.timeZone, start.timeZone) ? before.timeZone : start.timeZone
}

/** Who took part, and may do so still: somebody cannot be read. */
function unreadable({ hasUnreadablePeople, recipients }: Appointment, before: PlanRow | null): readonly RecipientRef[] {
  if (!hasUnreadablePeople || before === null) return []
  return before.recipients.filter((ref) => !recipients.some((one) => isSameRecipient(one, ref)))
}

/** What became of an appointment's plan, in the words of the report of a reconciliation. */
export type PlanDrift = 'planned' | 'moved' | 'cancelled' | 'replanned'

export function driftOf(before: PlanRow | null, after: PlanRow): PlanDrift {
  if (before === null) return 'planned'
  if (after.status === 'cancelled') return 'cancelled'
  return before.startsAt.getTime() === after.startsAt.getTime() ? 'replanned' : 'moved'
}

/** Why reminders of the plan before are no longer wanted. */
export function supersedingRule(before: PlanRow | null, after: PlanRow): Rule {
  if (after.cancelReason !== null) return after.cancelReason
  if (driftOf(before, after) !== 'moved') return 'replanned'
  const sameClock = before?.localStart === after.localStart && before.timeZone === after.timeZone
  return sameClock && before.tzVersion !== after.tzVersion ? 'zone_data_changed' : 'appointment_moved'
}
