import { hasPythonCalendar } from './python-calendar.ts'

/** Vitest calls it before the tests, and what it gives after the summary: among the last lines that are read. */
export default function setup() {
  return () => {
    if (hasPythonCalendar) return
    console.error(
      '\n!! python3-icalendar is not installed: calendar files were NOT read by a second parser.\n' +
        '!! Install it (apt-get install python3-icalendar) and run the tests again.\n',
    )
  }
}
