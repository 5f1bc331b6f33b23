import type { Appointment } from '../domain/appointment.ts'
import type { EntityId, HostId } from '../schemas/common.ts'
import type { DirectoryAppointment } from '../schemas/directory.ts'
import type { Context } from './context.ts'
import { rowInvalid } from './directory/row-findings.ts'
import { readId } from './ids.ts'
import { appointmentNotFound } from './not-found.ts'

/**
 * An appointment as the directory tells it, or as the caller does.
 * @throws NotificationError `appointment_not_found`, `directory_invalid`, `invalid_input`.
 */
export async function knownAppointment(
  { options, host }: Context,
  appointment: HostId | DirectoryAppointment,
): Promise<Appointment> {
  if (typeof appointment === 'object') return host.described(appointment)
  const id = readId(options.ids, 'appointment', appointment, 'appointmentId')
  const truth = (await host.appointments([id]))(id)
  if (truth.kind === 'known') return truth.value
  if (truth.kind === 'unreadable') throw rowInvalid(`appointment ${id}`, truth.issues)
  throw appointmentNotFound(id)
}

/** Also of an appointment that the host deleted: what was sent for it can still be explained. */
export async function organizationOf(context: Context, id: EntityId): Promise<string> {
  const { storage } = context.options
  const [plan] = await storage.plans.find([id])
  if (plan !== undefined) return plan.organizationId
  const { rows } = await storage.deliveries.list({ appointmentId: id, limit: 1, offset: 0 })
  return rows[0]?.organizationId ?? (await knownAppointment(context, id)).organizationId
}
