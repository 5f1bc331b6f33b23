import { type Appointment, appointmentOf } from '../domain/appointment.ts'
import { NotificationError } from '../errors.ts'
import type { IdKinds } from '../ports/storage.ts'
import { parseInput } from '../schemas/common.ts'
import { type DirectoryAppointment, directoryAppointment } from '../schemas/directory.ts'
import { requireKinds } from './ids.ts'

/** An appointment that the caller describes, by the rules for what a directory answers. @throws NotificationError `invalid_input`. */
export function parseAppointment(kinds: IdKinds, told: DirectoryAppointment): Appointment {
  const parsed = parseInput(directoryAppointment, told, 'The appointment')
  try {
    requireKinds(kinds, 'appointment', parsed)
    return appointmentOf(parsed)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new NotificationError('invalid_input', `The appointment is not valid. ${error.message}`, { cause: error })
  }
}
