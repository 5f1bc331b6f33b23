import type { Directory, DirectoryAppointment, EntityId } from '../../src/index.ts'
import type { Store } from '../../src/records/store.ts'
import { postgres } from '../support/stores.ts'

export const hourMs = 3_600_000
/** Every reminder lies so long before its appointment. */
export const offsetMs = 24 * hourMs

/** A host whose tables are functions of the id, so that all its processes have the same ones. */
export type Calendar = {
  /** When the reminder of the first appointment is due, in milliseconds since the epoch; the others follow evenly. */
  readonly firstDueAt: number
  readonly spreadMs: number
  readonly appointments: number
  readonly organizations: number
}

export const organizationOf = (index: number): string => `0f1e2d3c-4b5a-4978-8695-${String(index).padStart(12, '0')}`
export const addressOf = (id: number): string => `p${id}@example.org`
export const appointmentOf = (address: string): number => Number(/^p(\d+)@/.exec(address)?.[1])

/** Ids count from 1. */
export const dueOf = ({ firstDueAt, spreadMs, appointments }: Calendar, id: number): number =>
  firstDueAt + Math.floor(((id - 1) * spreadMs) / appointments)

/** The organization of an appointment: one after the other, so that all have as much at the same time. */
export const ownerOf = ({ organizations }: Calendar, id: number): string => organizationOf(id % organizations)

export function hostDirectory(calendar: Calendar): Directory {
  const find = (id: EntityId): DirectoryAppointment => {
    const number = Number(id)
    return {
      id: number,
      organizationId: ownerOf(calendar, number),
      startsAt: new Date(dueOf(calendar, number) + offsetMs),
      timeZone: 'Europe/Berlin',
      status: 'scheduled',
      recipients: [{ type: 'PATIENT', id: number, email: addressOf(number) }],
    }
  }
  return {
    appointments: async (ids) => ids.map(find),
    organizations: async (ids) => ids.map((id) => ({ id, name: 'Harbour Clinic' })),
  }
}

export const storageOf = (url: string, schema: string): Store => postgres({ url, schema, connections: 4 })
