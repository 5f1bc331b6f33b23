import ICAL from 'ical.js'
import { describe, expect, it } from 'vitest'
import { calendar } from '../../adapters/calendar/calendar.ts'
import { type CaptureOptions, capture } from '../../adapters/transport/capture.ts'
import { smtp } from '../../adapters/transport/smtp.ts'
import { type CalendarWriter, type HttpRequest, type OutboundMessage, TransportError } from '../../src/index.ts'
import { account, contextFor, emailMessage } from '../adapters/transport/smtp/fixture.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { hasPythonCalendar, type ReadEvent, readByPython } from '../support/python-calendar.ts'
import { startSmtpServer } from '../support/smtp-server.ts'

const firstSender = 'desk@harbour.example'
type Clinic = Awaited<ReturnType<typeof openClinic>>

/** Captures what goes out by accounts with a sender, as mail does. `fail`: as that of `capture`. */
async function open(
  options: Parameters<typeof openClinic>[1] = {},
  settings = {},
  fail: CaptureOptions['fail'] = () => null,
): Promise<Clinic> {
  const outbox = capture({ fail })
  const clinic = await openClinic('2031-03-01T09:00:00Z', {
    transports: [{ ...outbox, name: 'smtp', needsAccount: true }],
    calendar: calendar(),
    env: { DEFAULT_SMTP_HOST: 'mail.harbour.example', DEFAULT_EMAIL_FROM_ADDRESS: firstSender },
    ...options,
  })
  await clinic.settings.createOrganizationSettings(organizationId, {
    calendarFiles: true,
    smsEnabled: false,
    defaultEmailReminders: [],
    ...settings,
  })
  await clinic.start()
  return { ...clinic, outbox }
}

/** Booked, moved over the change to summer time and into another room, and cancelled; each is sent before the next. */
async function walk(clinic: Clinic): Promise<void> {
  const { notifications, host } = clinic
  host.book({ id: 42, startsAt: '2031-03-08T10:00:00', kind: 'oncology' })
  await notifications.appointmentBooked(42)
  await clinic.settle()
  host.change(42, { startsAt: '2031-03-10T10:00:00' })
  await notifications.appointmentRescheduled(42)
  await clinic.settle()
  host.change(42, { startsAt: '2031-11-03T10:00:00', location: 'Room 7; second floor, left' })
  await notifications.appointmentRescheduled(42)
  await clinic.settle()
  host.change(42, { status: 'cancelled' })
  await notifications.appointmentCancelled(42)
  await clinic.settle()
}

const filesOf = (sent: readonly OutboundMessage[]) => sent.map(({ calendar: file }) => file?.content ?? null)
const filed = (sent: readonly OutboundMessage[]): string[] => sent.flatMap(({ calendar: file }) => file?.content ?? [])

/** As ical.js reads it. */
function read(file: string): ReadEvent {
  const root = new ICAL.Component(ICAL.parse(file))
  const [event, ...others] = root.getAllSubcomponents('vevent')
  if (event === undefined || others.length > 0) throw new Error('not one event')
  const text = (name: string) => event.getFirstPropertyValue(name)?.toString() ?? null
  const address = (name: string) => text(name)?.slice('mailto:'.length) ?? null
  return {
    method: String(root.getFirstPropertyValue('method')),
    uid: text('uid') ?? '',
    sequence: Number(text('sequence')),
    status: text('status') ?? '',
    start: text('dtstart'),
    end: text('dtend'),
    summary: text('summary') ?? '',
    location: text('location'),
    organizer: address('organizer'),
    attendee: address('attendee'),
    rsvp: event.getFirstProperty('attendee')?.getFirstParameter('rsvp') ?? null,
  }
}

/** What a calendar holds that was sent these (RFC 5546, 2.1.5): by id the last, for no number comes twice. */
function calendarOf(events: readonly ReadEvent[]): ReadEvent[] {
  const held = new Map<string, ReadEvent>()
  for (const event of events) {
    const before = held.get(event.uid)
    if (before !== undefined && (before.sequence >= event.sequence || before.organizer !== event.organizer)) continue
    if (event.method === 'CANCEL' && before === undefined) continue
    held.set(event.uid, event)
  }
  return [...held.values()]
}

describe('calendar files', () => {
  it('keep one event right from the booking to the cancellation, also where the clocks change', async () => {
    await using clinic = await open()
    await walk(clinic)
    const files = filed(clinic.outbox.sent)
    const events = files.map(read)
    const party = { organizer: firstSender, attendee: ada.email, rsvp: 'FALSE' }
    const room = { summary: 'Harbour Clinic: Appointment with Dr. Smith', location: 'Room 4' }
    const other = { ...room, location: 'Room 7; second floor, left' }
    const november = { start: '2031-11-03T15:00:00Z', end: '2031-11-03T15:30:00Z' }
    expect(events.map(({ uid, ...event }) => event)).toEqual([
      {
        method: 'REQUEST',
        sequence: 0,
        status: 'CONFIRMED',
        start: '2031-03-08T15:00:00Z',
        end: '2031-03-08T15:30:00Z',
        ...room,
        ...party,
      },
      {
        method: 'REQUEST',
        sequence: 1,
        status: 'CONFIRMED',
        start: '2031-03-10T14:00:00Z',
        end: '2031-03-10T14:30:00Z',
        ...room,
        ...party,
      },
      { method: 'REQUEST', sequence: 2, status: 'CONFIRMED', ...november, ...other, ...party },
      { method: 'CANCEL', sequence: 3, status: 'CANCELLED', ...november, ...other, ...party },
    ])
    expect(calendarOf(events)).toEqual([events[3]])
    // Read by another parser, it says the same.
    if (hasPythonCalendar) expect(readByPython(files)).toEqual(events)
    for (const file of files) expect(file).not.toMatch(/oncology|TZID/)
  })

  it.each([
    ['the organization has not switched them on', {}, { calendarFiles: false }],
    ['the host application brings no writer', { calendar: undefined }, {}],
    ['the messages may not say when', {}, { detailLevels: [{ level: 0 }] }],
  ] as const)('are left out where %s', async (_, options, settings) => {
    await using clinic = await open(options, settings)
    await walk(clinic)
    expect(filesOf(clinic.outbox.sent)).toEqual([null, null, null, null])
  })

  it('say as much as the message may', async () => {
    await using clinic = await open({}, { detailLevels: [{ level: 1 }] })
    await walk(clinic)
    const file = filed(clinic.outbox.sent)[0] ?? ''
    expect(read(file)).toMatchObject({ summary: 'Harbour Clinic: Appointment', location: null })
    expect(file).not.toMatch(/Smith|Room/)
  })

  it('cancel an event that an earlier message may have brought, and no other', async () => {
    const refuse = new Set(['CONFIRMATION', 'RESCHEDULE'])
    const permanent = () => new TransportError('No.', { outcome: 'permanent', code: 'refused' })
    await using clinic = await open({}, {}, ({ category }) => (refuse.has(category) ? permanent() : null))
    await walk(clinic)
    expect(clinic.outbox.sent.map(({ category, calendar: file }) => [category, file ?? null])).toEqual([
      ['CANCELLATION', null],
    ])
  })

  it('are the same when a message is sent again, and stay those of the first sender', async () => {
    let left = 2
    const tried: OutboundMessage[] = []
    await using clinic = await open({}, {}, (message) => {
      tried.push(message)
      left -= 1
      return left < 0 ? null : new TransportError('Busy.', { outcome: 'transient', code: 'busy' })
    })
    clinic.host.book({ id: 42, startsAt: '2031-03-08T10:00:00' })
    await clinic.notifications.appointmentBooked(42)
    await clinic.clock.advance(3_600_000)
    const attempts = filed(tried).map(read)
    expect(attempts).toHaveLength(3)
    expect(new Set(attempts.map(({ uid, sequence, organizer }) => `${uid} ${sequence} ${organizer}`)).size).toBe(1)
    await clinic.settings.updateOrganizationSettings(organizationId, {
      emailSmtpHost: 'mail.other.example',
      emailFromAddress: 'new@harbour.example',
    })
    clinic.host.change(42, { startsAt: '2031-03-09T10:00:00' })
    await clinic.notifications.appointmentRescheduled(42)
    await clinic.settle()
    const moved = tried.at(-1)
    expect(moved?.from).toBe('new@harbour.example')
    expect(filed(moved === undefined ? [] : [moved]).map(read)).toMatchObject([
      { uid: attempts[0]?.uid, sequence: 1, organizer: firstSender, start: '2031-03-09T14:00:00Z' },
    ])
  })

  it('never keep a message back', async () => {
    const broken: CalendarWriter = {
      async load() {},
      write() {
        throw new Error('out of ink')
      },
    }
    await using clinic = await open({ calendar: broken })
    await walk(clinic)
    expect(filesOf(clinic.outbox.sent)).toEqual([null, null, null, null])
    expect(JSON.stringify(clinic.log.lines)).toContain('calendar file not written')
  })

  it('are a part of the mail whose method is that of the file, and attached', async () => {
    await using clinic = await open()
    await walk(clinic)
    const server = await startSmtpServer()
    const transport = smtp({ allowPrivateHosts: true })
    for (const message of [clinic.outbox.sent[0], clinic.outbox.sent[3]]) {
      await transport.send(
        emailMessage({ calendar: message?.calendar ?? null }),
        contextFor(server.port, { account: account(server.port) }),
      )
    }
    const methodsIn = (raw: string) =>
      [...raw.matchAll(/text\/calendar;\s+charset=utf-8;\s+method=(\w+)/gi)].map(([, method]) => method)
    const methods = server.mails.map(({ raw }) => methodsIn(raw))
    expect(methods).toEqual([['REQUEST'], ['CANCEL']])
    for (const [index, { parsed }] of server.mails.entries()) {
      const attached = parsed?.attachments.find(({ filename }) => filename === 'appointment.ics')
      expect(attached?.contentType).toBe('application/ics')
      expect(read(String(attached?.content)).method).toBe(methods[index]?.[0])
    }
    await transport.close?.()
    await server.close()
  })

  it('arrive as they were written, in whatever letters and lines', async () => {
    const server = await startSmtpServer()
    const transport = smtp({ allowPrivateHosts: true })
    const contents = ['Room 4', 'Zimmer 4, Grüne Straße', '診察室', 'x'.repeat(2000)].map(
      (location) => `BEGIN:VCALENDAR\r\nLOCATION:${location}\r\nEND:VCALENDAR`,
    )
    for (const [index, content] of contents.entries()) {
      await transport.send(
        emailMessage({ calendar: { method: 'REQUEST', content }, html: index === 0 ? null : '<p>A visit.</p>' }),
        contextFor(server.port, { account: account(server.port) }),
      )
    }
    const attached = server.mails.map(({ parsed }) =>
      parsed?.attachments
        .filter(({ filename }) => filename === 'appointment.ics')
        .map(({ content }) => String(content)),
    )
    expect(attached).toEqual(contents.map((content) => [content]))
    const [plain = ''] = server.mails.map(({ raw }) => raw)
    expect(plain).toContain('LOCATION:Room 4')
    for (const { raw } of server.mails) expect(raw).toContain('text/calendar; charset=utf-8; method=REQUEST')
    await transport.close?.()
    await server.close()
  })
})

describe('the page of a link that confirms', () => {
  const publicUrl = 'https://clinic.example/api/notifications'
  const heard = { onConfirm() {}, onChangeRequest() {} }
  const ask = async (clinic: Clinic, url: string) => {
    const readBody: HttpRequest['readBody'] = async () => ({ kind: 'bytes', bytes: Buffer.from('') })
    const path = url.replace(publicUrl, '')
    return clinic.handle({ method: 'GET', path, query: '', headers: {}, native: null, readBody })
  }
  const link = async (clinic: Clinic): Promise<string> => {
    clinic.host.book({ id: 42, startsAt: '2031-03-08T10:00:00' })
    await clinic.notifications.appointmentBooked(42)
    await clinic.settle()
    return /https:\S+/.exec(clinic.outbox.sent[0]?.text ?? '')?.[0] ?? ''
  }
  const emailTemplates = { appointment_confirmation: 'Confirm: {confirm_url}' }

  it('offers the event that mail keeps right as a file', async () => {
    await using clinic = await open({ publicUrl, hooks: heard }, { emailTemplates })
    const url = await link(clinic)
    const page = await ask(clinic, url)
    const href = /<a href="([^"]+)" download>Add to calendar<\/a>/.exec(page.body ?? '')?.[1] ?? ''
    const file = await ask(clinic, new URL(href, url).href)
    expect(file.headers['content-type']).toBe('text/calendar; charset=utf-8')
    const mailed = read(filed(clinic.outbox.sent)[0] ?? '')
    expect(read(file.body ?? '')).toEqual({ ...mailed, method: 'PUBLISH', attendee: null, rsvp: null })
    clinic.host.change(42, { status: 'cancelled' })
    expect((await ask(clinic, new URL(href, url).href)).status).toBe(410)
    expect((await ask(clinic, `${publicUrl}/calendar/${'0'.repeat(22)}`)).status).toBe(404)
  })

  it('offers none where they are switched off', async () => {
    await using clinic = await open({ publicUrl, hooks: heard }, { emailTemplates, calendarFiles: false })
    const url = await link(clinic)
    expect((await ask(clinic, url)).body).not.toContain('calendar')
    expect((await ask(clinic, url.replace('/confirm/', '/calendar/'))).status).toBe(410)
  })
})
