import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { calendar } from '../../adapters/calendar/calendar.ts'
import type { CalendarEvent } from '../../src/index.ts'

const file = (path: string): string => new URL(`../../${path}`, import.meta.url).href

it('loads ical-generator at the start of a library that has it, which says what to install without it', () => {
  const code = `
    import { registerHooks } from 'node:module'
    let loads = 0
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier !== 'ical-generator') return next(specifier, context)
        loads += 1
        throw new Error('not found')
      },
    })
    const { createNotifications, silentLogger: logger } = await import('${file('src/index.ts')}')
    const { calendar } = await import('${file('adapters/calendar/calendar.ts')}')
    const { sqlite } = await import('${file('adapters/storage/sqlite.ts')}')
    const directory = { appointments: async () => [], organizations: async () => [] }
    const library = createNotifications({ storage: sqlite(':memory:'), directory, transports: [], env: {}, logger, calendar: calendar() })
    await library.migrate()
    const before = loads
    const { code, message } = await library.start().catch((error) => error)
    await library.stop()
    console.log(JSON.stringify([before, loads, code, message]))
  `
  const printed = execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '--eval', code], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    encoding: 'utf8',
  })
  const wanted = [0, 1, 'dependency_missing', expect.stringContaining('npm install ical-generator')]
  expect(JSON.parse(printed)).toEqual(wanted)
})

const event: CalendarEvent = {
  method: 'REQUEST',
  uid: 'one@clinic.example',
  sequence: 3,
  writtenAt: new Date('2031-03-01T09:00:00Z'),
  start: new Date('2031-03-08T15:00:00Z'),
  end: new Date('2031-03-08T15:30:00Z'),
  summary: 'Harbour Clinic: Appointment',
  description: 'By phone.',
  location: 'Room 4',
  organizer: { address: 'desk@harbour.example', name: 'Harbour Clinic' },
  attendee: { address: 'ada@patients.example', name: 'Ada Byron' },
}

it('writes no file with anything of the one before', async () => {
  const writer = async () => {
    const made = calendar()
    await made.load()
    return made
  }
  const used = await writer()
  const bare = { end: null, description: null, location: null, organizer: null }
  const others: CalendarEvent[] = [
    { ...event, ...bare, uid: 'two@clinic.example', sequence: 0, attendee: { address: 'bo@example.org', name: null } },
    { ...event, ...bare, method: 'CANCEL' },
    { ...event, method: 'PUBLISH', attendee: null },
    { ...event, attendee: null },
  ]
  for (const one of others) {
    used.write(event)
    expect(used.write(one)).toBe((await writer()).write(one))
  }
  expect(() => used.write({ ...event, attendee: { address: '', name: null } })).toThrow(TypeError)
})
