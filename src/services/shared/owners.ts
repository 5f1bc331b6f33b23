import type { Appointment } from '../../domain/appointment.ts'
import type { Lookup } from '../../domain/due.ts'
import type { NotificationError } from '../../errors.ts'
import type { PlanRow } from '../../ports/storage.ts'
import type { EntityId, HostId, RecipientRef } from '../../schemas/common.ts'
import type { DirectoryAppointment } from '../../schemas/directory.ts'
import type { Context } from './context.ts'
import { rowInvalid } from './directory/row-findings.ts'
import { readId } from './ids.ts'
import { appointmentNotFound } from './not-found.ts'
import { withTimeout } from './with-timeout.ts'

const nowhere: Place = { organizationId: null, recipient: null }

/** Finds the owner of an object, for the access rules. Only reads. */
export class Owners {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  appointment(id: EntityId, scope: Scope): Promise<Place> {
    return placeOfAppointment(this.#context, id, scope)
  }

  async waitlistEntry(id: EntityId): Promise<Place> {
    return placeOf((await this.#context.host.waitlistEntries([id]))(id), id)
  }

  /** Only by the directory: preferences may still exist after a deletion that the host has not reported yet. */
  async recipient(ref: RecipientRef): Promise<Place> {
    const profile = await this.#context.host.recipient(ref)
    return profile === null ? nowhere : { organizationId: profile.organizationId, recipient: ref }
  }

  async notification(id: number): Promise<Place> {
    const row = await this.#context.options.storage.deliveries.get(id)
    return row === null ? nowhere : { organizationId: row.organizationId, recipient: row.recipient }
  }
}

/** An unreadable row has an owner too. @throws NotificationError `directory_invalid` if its owner cannot be read. */
function placeOf(lookup: Lookup<{ readonly organizationId: string }>, waitlistEntryId: EntityId): Place {
  if (lookup.kind === 'known') return { organizationId: lookup.value.organizationId, recipient: null }
  if (lookup.kind !== 'unreadable') return nowhere
  if (lookup.organizationId === null) throw rowInvalid('waitlist entry', waitlistEntryId, lookup.issues)
  return { organizationId: lookup.organizationId, recipient: null }
}

/** To whom an object belongs. `organizationId` null: there is no such object. */
export type Place = {
  readonly organizationId: string | null
  readonly recipient: RecipientRef | null
  /** Why the directory did not return the owner: shown to callers to whom the object may belong. */
  readonly fault?: NotificationError
}

/** The organization that asks: objects of others do not exist for it. Null: all organizations. */
export type Scope = string | null

export const isWithin = (scope: Scope, { organizationId }: { readonly organizationId: string | null }): boolean =>
  scope === null || scope === organizationId

/**
 * An appointment as the directory returns it, or as given by the caller.
 * @throws NotificationError `appointment_not_found`, also for one of another organization than `scope`; `directory_invalid`,
 * `invalid_input`.
 */
export async function knownAppointment(
  { options, host }: Context,
  appointment: HostId | DirectoryAppointment,
  scope: Scope,
): Promise<Appointment> {
  if (typeof appointment === 'object') return host.described(appointment)
  const id = readId(options.ids, 'appointment', appointment, 'appointmentId')
  const lookup = (await host.appointments([id]))(id)
  return requireKnown(lookup, scope, 'appointment', id, () => appointmentNotFound(id))
}

/** The object, if it belongs to `scope`. @throws NotificationError `directory_invalid`, or `notFound`. */
export function requireKnown<T extends { readonly organizationId: string }>(
  lookup: Lookup<T>,
  scope: Scope,
  kind: string,
  id: EntityId,
  notFound: () => NotificationError,
): T {
  if (lookup.kind === 'known' && isWithin(scope, lookup.value)) return lookup.value
  const isReadable =
    lookup.kind !== 'unreadable' || !isWithin(scope, { organizationId: lookup.organizationId ?? scope })
  throw isReadable ? notFound() : rowInvalid(kind, id, lookup.issues)
}

/** How long to wait for the directory if our own rows already show whose an appointment is, in ms. */
export const patienceMs = 2000

/**
 * `lookup`: the appointment in the directory; null if it took too long. `isRecorded`: something was planned or sent for it.
 */
export type AppointmentPlace = Place & { readonly lookup: Lookup<Appointment> | null; readonly isRecorded: boolean }

/**
 * Whose an appointment is, by the directory; if it has no such appointment or fails, by what was planned or sent. The
 * calls are the same for appointments that do not exist and those of others than `scope`, so that timing reveals nothing.
 */
export async function placeOfAppointment(
  { options, host }: Context,
  id: EntityId,
  scope: Scope,
): Promise<AppointmentPlace> {
  const { storage, clock } = options
  const [planned, sent] = await Promise.all([
    storage.plans.find([id]),
    storage.deliveries.list({ appointmentId: id, limit: 1, offset: 0 }),
  ])
  const { organizationId = null } = planByAppointment(planned).get(id) ?? sent.rows[0] ?? {}
  const isOwn = organizationId !== null && isWithin(scope, { organizationId })
  const asked = host.appointments([id], { evenIfNone: true, organizationOf: () => (isOwn ? organizationId : null) })
  const lookupOf = isOwn ? await withTimeout(clock, patienceMs, asked, () => null) : await asked
  const lookup = lookupOf === null ? null : lookupOf(id)
  const place = { recipient: null, lookup, isRecorded: organizationId !== null }
  if (lookup?.kind === 'known') return { ...place, organizationId: lookup.value.organizationId }
  if (lookup?.kind === 'unanswered') return { ...place, organizationId, fault: lookup.error }
  if (lookup?.kind !== 'unreadable') return { ...place, organizationId }
  // An unreadable row has an owner too.
  if (lookup.organizationId !== null) return { ...place, organizationId: lookup.organizationId }
  return { ...place, organizationId, fault: rowInvalid('appointment', id, lookup.issues) }
}

/**
 * Also finds appointments that the host deleted, since what was sent for them can still be explained.
 * @throws NotificationError `appointment_not_found`, also for one of another organization than `scope`; the directory's
 * error if it fails and no row shows whose the appointment is.
 */
export async function locatedAppointment(
  context: Context,
  id: EntityId,
  scope: Scope,
): Promise<Pick<AppointmentPlace, 'lookup'> & { readonly organizationId: string }> {
  const { organizationId, lookup, fault, isRecorded } = await placeOfAppointment(context, id, scope)
  if (organizationId === null || !isWithin(scope, { organizationId })) throw fault ?? appointmentNotFound(id)
  // If nothing was recorded, there is nothing else to show.
  if (lookup?.kind === 'unreadable' && !isRecorded) throw rowInvalid('appointment', id, lookup.issues)
  return { organizationId, lookup }
}

/** The first plan of each appointment, in the store's order. */
export const planByAppointment = (plans: readonly PlanRow[]): ReadonlyMap<EntityId, PlanRow> =>
  new Map(plans.toReversed().map((plan) => [plan.appointmentId, plan]))
