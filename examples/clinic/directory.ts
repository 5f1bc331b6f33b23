import type { Directory, DirectoryRecipient } from 'appointment-notifications'
import type { ClinicDatabase, Person } from './database.ts'

/** The library's access to the clinic's tables, in batches. */
export function clinicDirectory(database: ClinicDatabase): Directory {
  const people = (ids: readonly (number | null)[]) =>
    new Map(database.people(ids.filter((id) => id !== null)).map((person) => [person.id, person]))

  return {
    organizations: (ids) => database.organizations(ids).map(({ id, name }) => ({ id, name })),

    appointments(ids) {
      const rows = database.appointments(ids)
      const known = people(rows.flatMap((row) => [row.patient_id, row.client_id, row.practitioner_id]))
      return rows.map((row) => ({
        id: row.id,
        organizationId: row.organization_id,
        startsAt: row.starts_at,
        timeZone: row.time_zone,
        durationMinutes: row.duration_minutes,
        status: statusOf(row.status),
        location: row.location,
        recipients: [row.patient_id, row.client_id, row.practitioner_id].flatMap((id) => {
          const person = id === null ? undefined : known.get(id)
          return person === undefined ? [] : [recipientOf(person)]
        }),
      }))
    },

    recipients(refs) {
      const known = people(refs.map(({ id }) => Number(id)))
      return refs.flatMap(({ type, id }) => {
        const person = known.get(Number(id))
        if (person === undefined || person.kind !== type) return []
        return [{ ...recipientOf(person), organizationId: person.organization_id }]
      })
    },

    waitlistEntries(ids) {
      const rows = database.waitlistEntries(ids)
      const known = people(rows.map((row) => row.patient_id))
      return rows.map((row) => {
        const patient = known.get(row.patient_id)
        return {
          id: row.id,
          organizationId: row.organization_id,
          timeZone: row.time_zone,
          startsAt: row.starts_at,
          expiresAt: row.expires_at === null ? null : new Date(row.expires_at),
          recipients: patient === undefined ? [] : [recipientOf(patient)],
        }
      })
    },
  }
}

const recipientOf = (person: Person): DirectoryRecipient => ({
  type: person.kind,
  id: person.id,
  name: person.name,
  email: person.email,
  phone: person.phone,
  locale: person.locale,
  timeZone: person.time_zone,
})

const statuses = ['scheduled', 'confirmed', 'cancelled', 'completed', 'no_show'] as const

/** Narrows the type; a CHECK of the table would not do that. */
const statusOf = (status: string) => statuses.find((known) => known === status) ?? 'scheduled'
