/**
 * Writes calendar files with ical-generator (`npm install ical-generator`).
 * @example
 * createNotifications({ calendar: calendar(), ... }) // and `calendarFiles: true` in the settings of an organization
 */
import { type CalendarEvent, type CalendarWriter, NotificationError } from '../../src/index.ts'

type Ical = typeof import('ical-generator')

/** The writer for the option `calendar`. `start()` rejects with `dependency_missing` if ical-generator is not installed. */
export function calendar(): CalendarWriter {
  let ical: Ical | null = null
  return {
    async load() {
      ical ??= await loadIcal()
    },
    write(event) {
      if (ical === null) throw new TypeError('load() was not awaited')
      return fileOf(ical, event)
    },
  }
}

const prodId = '//appointment-notifications//EN'

/**
 * Times are in UTC: an appointment is one instant, and a zone's name is read as UTC by programs that want its rules (VTIMEZONE) beside it. Nobody
 * reads answers, so none are asked for.
 */
function fileOf(ical: Ical, event: CalendarEvent): string {
  const { method, organizer, attendee } = event
  const file = ical.default({ prodId, method: ical.ICalCalendarMethod[method] })
  file.createEvent({
    id: event.uid,
    sequence: event.sequence,
    stamp: event.writtenAt,
    start: event.start,
    end: event.end,
    summary: event.summary,
    description: event.description,
    location: event.location,
    status: ical.ICalEventStatus[method === 'CANCEL' ? 'CANCELLED' : 'CONFIRMED'],
    class: ical.ICalEventClass.PRIVATE,
    organizer: organizer === null ? null : { email: organizer.address, name: organizer.name ?? organizer.address },
    attendees:
      attendee === null
        ? []
        : [
            {
              email: attendee.address,
              ...(attendee.name === null ? {} : { name: attendee.name }),
              role: ical.ICalAttendeeRole.REQ,
              type: ical.ICalAttendeeType.INDIVIDUAL,
              status: ical.ICalAttendeeStatus.NEEDSACTION,
              rsvp: false,
            },
          ],
  })
  return file.toString()
}

async function loadIcal(): Promise<Ical> {
  try {
    return await import('ical-generator')
  } catch (cause) {
    throw new NotificationError('dependency_missing', 'calendar() needs a package: npm install ical-generator', {
      cause,
    })
  }
}
