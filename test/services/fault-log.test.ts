import { describe, expect, it } from 'vitest'
import type { LogFields, Logger } from '../../src/index.ts'
import { createFaultLog } from '../../src/services/shared/fault-log.ts'
import { openClinic } from '../support/clinic.ts'
import { ManualClock, turns } from '../support/manual-clock.ts'

const now = '2026-03-18T12:00:00Z'

function logBook() {
  const clock = new ManualClock(now)
  const lines: [string, LogFields | undefined][] = []
  const keep = (message: string, fields?: LogFields) => void lines.push([message, fields])
  const log = createFaultLog({ debug: keep, info: keep, warn: keep, error: keep }, clock)
  return { clock, lines, log }
}

describe('security checklist: Logs', () => {
  it('holds no contacts, whatever field they are in, and nothing that is not a plain value', () => {
    const { lines, log } = logBook()
    const careless = { patient: { name: 'Ada' }, people: ['ada@example.org'] }
    const fields = {
      fault: 'smtp_550: no such user ada.l+x@mail.example.org (call +1 (415) 555-0199)',
      organizationId: 'clinic@bücher.example',
      appointmentId: '11111111-2222-4333-8444-555555555555',
      at: 'at send (/app/node_modules/.pnpm/nodemailer@10.6.1/lib/x.js:10:5)',
      installs: 'npm install "@nestjs/core" nodemailer@10.6.1',
      count: 12345678,
      since: '2026-03-18T12:00:00.000+02:00',
      none: null,
      body: 'x'.repeat(5000),
      ...careless,
    }
    // A caller whose types were lost on the way.
    Reflect.apply(log.error, log, ['request failed', fields])
    expect(lines[0]?.[1]).toEqual({
      fault: 'smtp_550: no such user [address] (call [number])',
      organizationId: '[address]',
      appointmentId: '11111111-2222-4333-8444-555555555555',
      at: 'at send (/app/node_modules/.pnpm/nodemailer@10.6.1/lib/x.js:10:5)',
      installs: 'npm install "@nestjs/core" nodemailer@10.6.1',
      count: 12345678,
      since: '2026-03-18T12:00:00.000+02:00',
      none: null,
      body: 'x'.repeat(2000),
      patient: '[object]',
      people: '[object]',
    })
  })
})

describe('security checklist: phone numbers without a country code', () => {
  it.each([
    '07700 900123',
    '(415) 555-0123',
    '415.555.0123',
    '4155550123',
    '0151/23456789',
    '06 12 34 56 78',
    '447700900123',
  ])('%s is in no text of a log line', (number) => {
    const { lines, log } = logBook()
    log.error('request failed', { fault: `could not text ${number}: refused (${number}), ${number}.` })
    expect(lines[0]?.[1]).toEqual({ fault: 'could not text [number]: refused ([number]), [number].' })
  })

  it.each(['US.13491208655302741918', 'GB.ENT.11815799212886844830'])('nor is %s, which stands for one', (id) => {
    const { lines, log } = logBook()
    log.error('request failed', { fault: `could not write to ${id}: refused (${id}), ${id}.` })
    expect(lines[0]?.[1]).toEqual({ fault: 'could not write to [address]: refused ([address]), [address].' })
  })

  it.each([
    'connect ECONNREFUSED 192.168.100.200:5432 after 10000 ms',
    'appointment 11111111-2222-4333-8444-555555555555 of 2026-03-18 12:00:00, and 18.03.2026 12:00',
    '550 5.7.26, 535 5.7.8, HTTP 429, Twilio 21211, better-sqlite3 12.5.0, node 24.21.0',
    'at 2026-03-18T12:00:00.000Z, revision 123456789, alarm-1774008000000, key:1774008000000',
  ])('what else has digits stays: %s', (fault) => {
    const { lines, log } = logBook()
    log.error('request failed', { fault, appointmentId: '4155550123', ids: '4155550123, 4155550124' })
    expect(lines[0]?.[1]).toEqual({ fault, appointmentId: '4155550123', ids: '4155550123, 4155550124' })
  })
})

describe('a fault that repeats', () => {
  it('is written at once, and then once a minute with how many there were', async () => {
    const { clock, lines, log } = logBook()
    for (let second = 0; second < 150; second += 1) {
      log.warn('database busy', { code: 'storage_busy', id: second })
      await clock.advance(1000)
    }
    expect(lines).toEqual([
      ['database busy', { code: 'storage_busy', id: 0 }],
      ['database busy', { code: 'storage_busy', id: 59, repeated: 59 }],
      ['database busy', { code: 'storage_busy', id: 119, repeated: 60 }],
    ])
    log.flush()
    expect(lines.at(-1)).toEqual(['database busy', { code: 'storage_busy', id: 149, repeated: 30 }])
  })

  it('keeps no other kind from being written, and a clock that is set back holds back nothing', async () => {
    const { clock, lines, log } = logBook()
    log.warn('directory failed', { code: 'directory_failed', method: 'appointments' })
    log.warn('directory failed', { code: 'directory_failed', method: 'organizations' })
    log.error('directory failed', { code: 'directory_invalid', method: 'appointments' })
    log.info('started')
    log.info('started')
    expect(lines).toHaveLength(5)
    clock.step(-3_600_000)
    await clock.advance(60_000)
    log.warn('directory failed', { code: 'directory_failed', method: 'appointments' })
    expect(lines).toHaveLength(6)
  })

  it('of a thousand organizations is written for some of them by name, and counted for the rest', async () => {
    const { clock, lines, log } = logBook()
    for (let id = 0; id < 1000; id += 1) log.warn('account paused', { code: 'smtp_535', organizationId: String(id) })
    expect(lines).toHaveLength(21)
    await clock.advance(60_000)
    expect(lines).toHaveLength(22)
    expect(lines.at(-1)?.[1]).toMatchObject({ organizationId: '999', repeated: 979 })
  })

  it('sets no timer unless something is withheld, so that a process with nothing to do can end', () => {
    const { clock, log } = logBook()
    log.warn('once')
    expect(clock.timers).toBe(0)
    log.warn('once')
    expect(clock.timers).toBe(1)
    log.flush()
    expect(clock.timers).toBe(0)
  })
})

describe('a logger of the host', () => {
  const broken: [string, Logger['warn']][] = [
    [
      'throws',
      () => {
        throw new Error('disk full')
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full'))],
  ]

  it.each(broken)('that %s fails nothing', async (_what, write) => {
    const start = new Date('2026-03-20T15:00:00Z')
    const logger: Logger = { debug: write, info: write, warn: write, error: write }
    await using clinic = await openClinic('2026-03-19T14:59:00Z', { logger })
    clinic.host.book({ id: 1, startsAt: start })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    clinic.host.fault = new Error('away')
    await clinic.start()
    await clinic.clock.advance(60_000)
    clinic.host.fault = null
    await clinic.clock.advance(60_000)
    expect(clinic.outbox.sent).toHaveLength(2)
  })
})

describe('a listener of the host', () => {
  it('that throws or rejects keeps no other from being called, and ends no process', async () => {
    await using clinic = await openClinic(now)
    const heard: string[] = []
    const unhandled: unknown[] = []
    const onUnhandled = (reason: unknown) => void unhandled.push(reason)
    process.on('unhandledRejection', onUnhandled)
    clinic.events.on('reminder.scheduled', () => {
      throw new Error('a bug')
    })
    clinic.events.once('reminder.scheduled', async () => {
      throw new Error('a later bug')
    })
    clinic.events.on('reminder.scheduled', () => void heard.push('scheduled'))
    clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z' })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await turns()
    process.off('unhandledRejection', onUnhandled)
    expect(heard).toEqual(['scheduled', 'scheduled'])
    expect(unhandled).toEqual([])
    expect(clinic.log.lines.filter((line) => line.includes('event listener failed'))).toHaveLength(1)
  })
})

describe('what went wrong lately', () => {
  it('is kept for ten minutes after it came last, with how often it came', async () => {
    const { clock, log } = logBook()
    log.warn('database busy', { code: 'storage_busy', id: 1 })
    await clock.advance(300_000)
    log.error('account paused', { organizationId: 'harbour' })
    log.warn('database busy', { code: 'storage_busy', id: 2 })
    const [firstAt, lastAt] = [new Date(now), new Date('2026-03-18T12:05:00Z')]
    expect(log.recent()).toMatchObject([
      { level: 'warn', message: 'database busy', fields: { id: 2 }, count: 2, firstAt, lastAt },
      { level: 'error', message: 'account paused', fields: { organizationId: 'harbour' }, count: 1, firstAt: lastAt },
    ])
    await clock.advance(599_999)
    expect(log.recent()).toHaveLength(2)
    await clock.advance(1)
    expect(log.recent()).toEqual([])
    log.warn('database busy', { code: 'storage_busy' })
    expect(log.recent()).toMatchObject([{ count: 1, firstAt: clock.now() }])
  })

  it('is bounded, however many kinds there are', async () => {
    const { clock, log } = logBook()
    for (let id = 0; id < 2000; id += 1) {
      log.warn(`message ${id}`, { code: 'x' })
      await clock.advance(100)
    }
    // Those of the last minute are kept in any case, lest they be written again.
    expect(log.recent().length).toBeLessThanOrEqual(600)
  })

  it('has the failure of the logger itself, and lines that it did not take', () => {
    const clock = new ManualClock(now)
    const full = () => {
      throw new Error('disk full')
    }
    const log = createFaultLog({ debug: full, info: full, warn: full, error: full }, clock)
    const written: string[] = []
    const { warn, error } = console
    Object.assign(console, { warn: (line: string) => written.push(line), error: (line: string) => written.push(line) })
    for (let time = 0; time < 3; time += 1) log.warn('database busy', { code: 'storage_busy', id: time })
    Object.assign(console, { warn, error })
    expect(log.recent().map(({ message, count }) => [message, count])).toEqual([
      ['database busy', 3],
      ['the option "logger" failed: its lines are written to stderr', 1],
    ])
    expect(written.filter((line) => line.includes('its lines are written to stderr'))).toHaveLength(1)
    expect(JSON.parse(written[0] ?? '')).toMatchObject({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      level: 'warn',
      message: 'database busy',
      code: 'storage_busy',
    })
  })
})
