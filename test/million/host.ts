import type { Directory, DirectoryAppointment, EntityId } from '../../src/index.ts'
import { appointmentsOf, ownerOf, type Size, startsAt } from './rows.ts'

const idsAtOnce = 1000

/** The host of these rows: whatever is planned is as it says, and nothing else is booked. */
export function hostOf(size: Size): Directory {
  const appointmentOf = (id: EntityId): DirectoryAppointment => ({
    id,
    organizationId: ownerOf(Number(id), size),
    startsAt: new Date(startsAt(Number(id), size)),
    timeZone: 'UTC',
    status: 'scheduled',
    recipients: [{ type: 'PATIENT', id, name: 'Somebody', email: `p${id}@example.org`, phone: phoneOf(Number(id)) }],
  })
  const { first, last } = appointmentsOf(size)
  return {
    appointments: (ids) => ids.map(appointmentOf),
    organizations: (ids) => ids.map((id) => ({ id, name: 'Harbour Clinic' })),
    upcoming(cursor) {
      const from = cursor === null ? first : Number(cursor)
      const next = from + idsAtOnce
      const ids = Array.from({ length: Math.min(next, last + 1) - from }, (_, index) => from + index)
      return { ids, cursor: next > last ? null : String(next) }
    },
  }
}

const phoneOf = (id: number): string => `+1415${String(id % 10_000_000).padStart(7, '0')}`
