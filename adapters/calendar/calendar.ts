/**
 * Writes calendar files with ical-generator (`npm install ical-generator`).
 * @example
 * createNotifications({ calendar: calendar(), ... }) // and `calendarFiles: true` in the settings of an organization
 */
import type { ICalAttendee, ICalCalendar, ICalEvent } from 'ical-generator'
import { NotificationError } from '../../src/errors.ts'
import type { CalendarEvent, CalendarWriter } from '../../src/index.ts'

type Ical = typeof import('ical-generator')

/** The writer for the option `calendar`. `start()` rejects with `dependency_missing` if ical-generator is not installed. */
export function calendar(): CalendarWriter {
  let ical: Ical | null = null
  /** By method, and whether there is an attendee. */
  const blanks = new Map<string, Blank>()
  return {
    async load() {
      ical ??= await loadIcal()
    },
    write(event) {
      if (ical === null) throw new TypeError('load() was not awaited')
      const key = `${event.method} ${event.attendee !== null}`
      const blank = blanks.get(key) ?? blankOf(ical, event)
      blanks.set(key, blank)
      return fileOf(blank, event)
    },
  }
}

const prodId = '//appointment-notifications//EN'

/** What all files of a kind have in common, made and checked once. */
type Blank = {
  readonly file: ICalCalendar
  readonly event: ICalEvent
  /** Null: there is none. */
  readonly attendee: ICalAttendee | null
}

/** Nobody reads answers, so none are asked for. */
function blankOf(ical: Ical, { method, start, attendee }: CalendarEvent): Blank {
  const file = ical.default({ prodId, method: ical.ICalCalendarMethod[method] })
  const event = file.createEvent({
    start,
    status: ical.ICalEventStatus[method === 'CANCEL' ? 'CANCELLED' : 'CONFIRMED'],
    class: ical.ICalEventClass.PRIVATE,
  })
  if (attendee === null) return { file, event, attendee }
  return {
    file,
    event,
    attendee: event.createAttendee({
      email: attendee.address,
      role: ical.ICalAttendeeRole.REQ,
      type: ical.ICalAttendeeType.INDIVIDUAL,
      status: ical.ICalAttendeeStatus.NEEDSACTION,
      rsvp: false,
    }),
  }
}

/**
 * Sets everything that differs between files, so that none has anything of the one before. Times are in UTC: an appointment is one instant, and
 * a zone's name is read as UTC by programs that want its rules (VTIMEZONE) beside it.
 */
function fileOf(blank: Blank, event: CalendarEvent): string {
  const { organizer, attendee } = event
  // ical-generator takes an empty address for a question, and would keep that of the file before.
  if (attendee?.address === '') throw new TypeError('the attendee has no address')
  blank.event
    .id(event.uid)
    .sequence(event.sequence)
    .stamp(event.writtenAt)
    .start(event.start)
    .end(event.end)
    .summary(event.summary)
    .description(event.description)
    .location(event.location)
    .organizer(organizer === null ? null : organizerOf(organizer))
  if (attendee !== null) blank.attendee?.email(attendee.address).name(attendee.name)
  return blank.file.toString()
}

const organizerOf = ({ address, name, sentBy }: NonNullable<CalendarEvent['organizer']>) => ({
  email: address,
  name: name ?? address,
  ...(sentBy !== undefined && { sentBy }),
})

async function loadIcal(): Promise<Ical> {
  try {
    return await import('ical-generator')
  } catch (cause) {
    throw new NotificationError('dependency_missing', 'calendar() needs a package: npm install ical-generator', {
      cause,
    })
  }
}
