import {
  createNotifications,
  type Directory,
  type DirectoryAppointment,
  type EntityId,
  type NotificationsOptions,
  type Storage,
  type Transport,
} from 'appointment-notifications'

const zones = ['America/New_York', 'America/Los_Angeles', 'Europe/Berlin', 'Europe/London', 'Asia/Tokyo', 'UTC']
const organizations = Array.from({ length: 10 }, (_, index) => `0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f${index}`)

export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

export type Calendar = {
  readonly startOf: (id: number) => Date
  /** Without a phone an appointment has e-mails only. */
  readonly hasPhone: (id: number) => boolean
}

/**
 * A host whose tables are functions of the id: a hundred thousand appointments weigh nothing, so that time and memory
 * are the library's. Answers are new objects each time, as a query's would be.
 */
export function directoryOf({ startOf, hasPhone }: Calendar): Directory {
  const appointmentOf = (id: EntityId): DirectoryAppointment => {
    const number = Number(id)
    return {
      id: number,
      organizationId: organizations[number % organizations.length] ?? '',
      startsAt: startOf(number),
      timeZone: zones[number % zones.length] ?? 'UTC',
      status: 'scheduled',
      durationMinutes: 30,
      practitionerName: 'Dr. Smith',
      location: 'Room 4',
      recipients: [
        {
          type: 'PATIENT',
          id: number,
          name: `Patient ${number}`,
          email: `p${number}@example.org`,
          ...(hasPhone(number) && { phone: `+1415${String(number % 10_000_000).padStart(7, '0')}` }),
        },
      ],
    }
  }
  return {
    appointments: async (ids) => ids.map(appointmentOf),
    organizations: async (ids) => ids.map((id) => ({ id, name: 'Harbour Clinic' })),
  }
}

type LibraryOptions = {
  readonly storage: Storage
  readonly transport: Transport
  readonly directory: Directory
} & Pick<NotificationsOptions, 'authenticate' | 'calendar' | 'clock' | 'env' | 'rateLimits' | 'reconcileMs'>

/** The library embedded as a host embeds it. */
export async function openLibrary({ transport, ...options }: LibraryOptions) {
  const library = createNotifications({ transports: [transport], env: {}, ...options })
  await library.migrate()
  return library
}

/** The same, with appointments that weigh nothing. */
export const openClinic = ({ startOf, hasPhone, ...options }: Omit<LibraryOptions, 'directory'> & Calendar) =>
  openLibrary({ ...options, directory: directoryOf({ startOf, hasPhone }) })

export const everybody = () => true
export const nobody = () => false

export const idsFrom = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => first + index)

/** Starts over a month, none nearer than three days: every reminder of `[24, 2]` lies ahead. */
export const overAMonth = (base: number) => (id: number) => new Date(base + 3 * dayMs + ((id * 37) % 43_200) * minuteMs)
