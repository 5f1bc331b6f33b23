import { spawnSync } from 'node:child_process'
import { z } from 'zod'

/** The icalendar of Debian's package python3-icalendar, which belongs to the python of the system. */
const python = '/usr/bin/python3'
/** Where it is not, the tests that need it are skipped, and calendar-missing.ts says so at the end of the run. */
export const hasPythonCalendar = spawnSync(python, ['-c', 'import icalendar']).status === 0

const program = `
import json, sys
from icalendar import Calendar
def read(text):
    calendar = Calendar.from_ical(text)
    [event] = calendar.walk('VEVENT')
    at = lambda key: event[key].dt.strftime('%Y-%m-%dT%H:%M:%SZ') if event[key].dt.utcoffset().total_seconds() == 0 else None
    attendee = event.get('ATTENDEE')
    organizer = event.get('ORGANIZER')
    return {
        'method': str(calendar['METHOD']), 'uid': str(event['UID']), 'sequence': int(event['SEQUENCE']), 'status': str(event['STATUS']),
        'start': at('DTSTART'), 'end': at('DTEND'), 'summary': str(event['SUMMARY']),
        'location': str(event['LOCATION']) if 'LOCATION' in event else None,
        'organizer': str(organizer)[7:] if organizer else None, 'attendee': str(attendee)[7:] if attendee else None,
        'rsvp': attendee.params['RSVP'] if attendee else None,
    }
print(json.dumps([read(text) for text in json.load(sys.stdin)]))
`

export const readEvent = z.object({
  method: z.string(),
  uid: z.string(),
  sequence: z.number(),
  status: z.string(),
  /** In UTC, or null. */
  start: z.string().nullable(),
  end: z.string().nullable(),
  summary: z.string(),
  location: z.string().nullable(),
  organizer: z.string().nullable(),
  attendee: z.string().nullable(),
  rsvp: z.string().nullable(),
})
export type ReadEvent = z.infer<typeof readEvent>

/** The one event of each file, as Python reads it. */
export function readByPython(files: readonly string[]): ReadEvent[] {
  const { stdout, stderr, status } = spawnSync(python, ['-c', program], {
    input: JSON.stringify(files),
    encoding: 'utf8',
    env: { ...process.env, PYTHONUTF8: '1' },
  })
  if (status !== 0) throw new Error(stderr)
  return z.array(readEvent).parse(JSON.parse(stdout))
}
