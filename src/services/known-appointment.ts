import type { Appointment } from '../domain/appointment.ts'
import type { Truth } from '../domain/due.ts'
import type { NotificationError } from '../errors.ts'
import type { EntityId, HostId } from '../schemas/common.ts'
import type { DirectoryAppointment } from '../schemas/directory.ts'
import type { Context } from './context.ts'
import { rowInvalid } from './directory/row-findings.ts'
import { readId } from './ids.ts'
import { appointmentNotFound } from './not-found.ts'
import type { Place } from './place.ts'
import { planByAppointment } from './plan-row.ts'
import { withTimeout } from './with-timeout.ts'

/** The organization that asks, to which others' things are not there; null: everybody's may be seen. */
export type Scope = string | null

export const isWithin = (scope: Scope, { organizationId }: { readonly organizationId: string | null }): boolean =>
  scope === null || scope === organizationId

/**
 * An appointment as the directory describes it, or as the caller does.
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
  const truth = (await host.appointments([id]))(id)
  return requireKnown(truth, scope, `appointment ${id}`, () => appointmentNotFound(id))
}

/** What the host knows, to the organization that asks. @throws NotificationError `directory_invalid`, or `notFound`. */
export function requireKnown<T extends { readonly organizationId: string }>(
  truth: Truth<T>,
  scope: Scope,
  what: string,
  notFound: () => NotificationError,
): T {
  if (truth.kind === 'known' && isWithin(scope, truth.value)) return truth.value
  const isReadable = truth.kind !== 'unreadable' || !isWithin(scope, { organizationId: truth.organizationId ?? scope })
  throw isReadable ? notFound() : rowInvalid(what, truth.issues)
}

/** How long the directory is waited for where our own rows say whose an appointment is, in ms. */
export const patienceMs = 2000

/**
 * `truth`: what the directory says of the appointment; null where it was not waited for any longer. `isRecorded`: something was
 * planned or sent for it.
 */
export type AppointmentPlace = Place & { readonly truth: Truth<Appointment> | null; readonly isRecorded: boolean }

/**
 * Whose an appointment is: by the directory, and by what was planned or sent only where that knows it no longer or does not
 * answer. What is not there and what is another's than `scope`'s cost the same questions, so that their time says nothing.
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
  const truthOf = isOwn ? await withTimeout(clock, patienceMs, asked, () => null) : await asked
  const truth = truthOf === null ? null : truthOf(id)
  const place = { recipient: null, truth, isRecorded: organizationId !== null }
  if (truth?.kind === 'known') return { ...place, organizationId: truth.value.organizationId }
  if (truth?.kind === 'unanswered') return { ...place, organizationId, fault: truth.error }
  if (truth?.kind !== 'unreadable') return { ...place, organizationId }
  // A row that cannot be used is somebody's all the same.
  if (truth.organizationId !== null) return { ...place, organizationId: truth.organizationId }
  return { ...place, organizationId, fault: rowInvalid(`appointment ${id}`, truth.issues) }
}

/**
 * Also of an appointment that the host deleted: what was sent for it can still be explained.
 * @throws NotificationError `appointment_not_found`, also for one of another organization than `scope`; where the directory
 * does not answer and nothing else says whose it is, what it failed with.
 */
export async function locatedAppointment(
  context: Context,
  id: EntityId,
  scope: Scope,
): Promise<Pick<AppointmentPlace, 'truth'> & { readonly organizationId: string }> {
  const { organizationId, truth, fault, isRecorded } = await placeOfAppointment(context, id, scope)
  if (organizationId === null || !isWithin(scope, { organizationId })) throw fault ?? appointmentNotFound(id)
  // Where nothing was recorded there is only that row to show.
  if (truth?.kind === 'unreadable' && !isRecorded) throw rowInvalid(`appointment ${id}`, truth.issues)
  return { organizationId, truth }
}
