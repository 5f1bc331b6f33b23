/** The data of the host application: a clinic's people and appointments, here in plain objects. */
import type { Directory, DirectoryAppointment, DirectoryRecipientProfile, EntityId } from 'appointment-notifications'

export const timeZone = 'America/New_York'
export const organizationId = '5f0c1d52-0b38-4b0e-9d8e-2b1c7a4f9e10'

const person = (id: number, name: string): DirectoryRecipientProfile => ({
  type: 'PATIENT',
  id,
  name,
  email: `${name.split(' ')[0]?.toLowerCase()}@example.org`,
  organizationId,
})
export const ada = person(1, 'Ada Byron')
export const ben = person(2, 'Ben Okafor')
export const cleo = person(3, 'Cleo Marsh')
export const dan = person(4, 'Dan Rivera')

/** The tables of the host. The library never writes to them; it reads them through the directory below. */
export class Clinic {
  readonly #appointments = new Map<EntityId, DirectoryAppointment>()
  readonly #people = [ada, ben, cleo, dan]

  book(id: number, patient: DirectoryRecipientProfile, startsAt: Date): void {
    this.#appointments.set(id, {
      id,
      organizationId,
      startsAt,
      timeZone,
      durationMinutes: 30,
      status: 'scheduled',
      practitionerName: 'Dr. Smith',
      location: 'Harbour Street 4',
      recipients: [patient],
    })
  }

  change(id: number, change: Partial<DirectoryAppointment>): void {
    const row = this.#appointments.get(id)
    if (row === undefined) throw new Error(`there is no appointment ${id}`)
    this.#appointments.set(id, { ...row, ...change })
  }

  /** The library reads by ids, in batches. A real host runs a query here. */
  readonly directory: Directory = {
    appointments: (ids) => ids.flatMap((id) => this.#appointments.get(id) ?? []),
    organizations: (ids) => ids.flatMap((id) => (id === organizationId ? { id, name: 'Harbour Clinic' } : [])),
    recipients: (refs) => refs.flatMap(({ id }) => this.#people.find((one) => one.id === id) ?? []),
  }
}
