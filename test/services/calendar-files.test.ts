import ICAL from 'ical.js'
import { describe, expect, it } from 'vitest'
import { calendar } from '../../adapters/calendar/calendar.ts'
import { type CaptureOptions, type CaptureTransport, capture } from '../../adapters/transport/capture.ts'
import { smtp } from '../../adapters/transport/smtp.ts'
import { type CalendarWriter, type HttpRequest, type OutboundMessage, TransportError } from '../../src/index.ts'
import { account, contextFor, emailMessage } from '../adapters/transport/smtp/fixture.ts'
import { ask as request, service } from '../conformance/http/world.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { migratedDatabase } from '../support/migrated-sqlite.ts'
import { hasPythonCalendar, type ReadEvent, readByPython } from '../support/python-calendar.ts'
import { startSmtpServer } from '../support/smtp-server.ts'
import { sqlite } from '../support/stores.ts'
import { openWithTaskManager, publicUrl } from './task-manager/world.ts'

const firstSender = 'desk@harbour.example'
type Clinic = Awaited<ReturnType<typeof openClinic>>

const now = '2031-03-01T09:00:00Z'
/** Mail has a sender. */
const mailing = (outbox: CaptureTransport) => ({
  transports: [{ ...outbox, name: 'smtp', needsAccount: true }],
  calendar: calendar(),
  env: { DEFAULT_SMTP_HOST: 'mail.harbour.example', DEFAULT_EMAIL_FROM_ADDRESS: firstSender },
})

/** Captures what goes out by accounts with a sender, as mail does. `fail`: as that of `capture`. */
async function open(
  options: Parameters<typeof openClinic>[1] = {},
  settings = {},
  fail: CaptureOptions['fail'] = () => null,
): Promise<Clinic> {
  const outbox = capture({ fail })
  const clinic = await openClinic(now, { ...mailing(outbox), ...options })
  await clinic.settings.createOrganizationSettings(organizationId, {
    calendarFiles: true,
    smsEnabled: false,
    defaultEmailReminders: [],
    ...settings,
  })
  await clinic.start()
  return { ...clinic, outbox }
}

const heard = { onConfirm() {}, onChangeRequest() {} }
/** Opens what a link leads to. */
async function ask(clinic: Clinic, url: string) {
  const readBody: HttpRequest['readBody'] = async () => ({ kind: 'bytes', bytes: Buffer.from('') })
  const path = url.replace(publicUrl, '')
  return clinic.handle({ method: 'GET', path, query: '', headers: {}, native: null, readBody })
}

/** What each message did to the calendar of its recipient, and at which time it put the event. */
const stepsOf = (sent: readonly OutboundMessage[]) =>
  sent.map(({ category, calendar: file }) => {
    if (file === undefined || file === null) return [category, null]
    const { method, sequence, start } = read(file.content)
    return [category, method, sequence, start]
  })

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
    ['the organization has not switched them on', {}, { calendarFiles: false }, 4],
    // Then nothing is read for them.
    ['the host application brings no writer', { calendar: undefined }, {}, 0],
    ['the messages may not say when', {}, { detailLevels: [{ level: 0 }] }, 4],
  ] as const)('are left out where %s', async (_, options, settings, reads) => {
    const ids = { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' } as const
    const storage = sqlite({ database: await migratedDatabase(ids) })
    let read = 0
    const ofAppointments: typeof storage.deliveries.ofAppointments = (...about) => {
      read += 1
      return storage.deliveries.ofAppointments(...about)
    }
    const counting = { ...storage, deliveries: { ...storage.deliveries, ofAppointments } }
    await using clinic = await open({ storage: counting, ...options }, settings)
    await walk(clinic)
    expect(filesOf(clinic.outbox.sent)).toEqual([null, null, null, null])
    expect(read).toBe(reads)
  })

  it('take out an event that a message must not move, since it may not say when the appointment is', async () => {
    await using clinic = await open()
    const { notifications, settings, host } = clinic
    const say = async (level: 0 | null) => {
      const detailLevels = level === null ? null : [{ level }]
      await settings.updatePreferences({ type: 'PATIENT', id: ada.id }, { detailLevels })
    }
    const move = async (day: string) => {
      host.change(42, { startsAt: `2031-03-${day}T10:00:00` })
      await notifications.appointmentRescheduled(42)
      await clinic.settle()
    }
    const confirm = async () => {
      await notifications.sendAppointmentNotification(42, { category: 'CONFIRMATION', channel: 'EMAIL' })
      await clinic.settle()
    }
    host.book({ id: 42, startsAt: '2031-03-02T10:00:00' })
    await notifications.appointmentBooked(42)
    await clinic.settle()
    await say(0)
    await move('03')
    await move('04')
    await confirm()
    await say(null)
    await move('05')
    await say(0)
    await confirm()
    host.change(42, { startsAt: '2031-03-06T10:00:00' })
    await confirm()
    await say(null)
    await move('07')
    await say(0)
    host.change(42, { status: 'cancelled' })
    await notifications.appointmentCancelled(42)
    await clinic.settle()
    await say(null)
    host.change(42, { status: 'scheduled' })
    await notifications.appointmentBooked(42)
    await clinic.settle()
    expect(stepsOf(clinic.outbox.sent)).toEqual([
      ['CONFIRMATION', 'REQUEST', 0, '2031-03-02T15:00:00Z'],
      ['RESCHEDULE', 'CANCEL', 1, '2031-03-02T15:00:00Z'],
      ['RESCHEDULE', null],
      ['CONFIRMATION', null],
      ['RESCHEDULE', 'REQUEST', 2, '2031-03-05T15:00:00Z'],
      // It says what is so.
      ['CONFIRMATION', null],
      ['CONFIRMATION', 'CANCEL', 3, '2031-03-05T15:00:00Z'],
      ['RESCHEDULE', 'REQUEST', 4, '2031-03-07T15:00:00Z'],
      ['CANCELLATION', 'CANCEL', 5, '2031-03-07T15:00:00Z'],
      ['CONFIRMATION', 'REQUEST', 6, '2031-03-07T15:00:00Z'],
    ])
    const files = filed(clinic.outbox.sent)
    if (hasPythonCalendar) expect(readByPython(files.slice(0, 1))).toEqual(files.slice(0, 1).map(read))
    expect(new Set(files.map((file) => `${read(file).uid} ${read(file).organizer}`)).size).toBe(1)
  })

  it('follow people whose address is kept no longer, and who come back, and take out nothing of others', async () => {
    await using clinic = await open({}, { retention: { texts: 1, addresses: 1 } })
    const { notifications, host } = clinic
    const ben = { ...ada, type: 'CLIENT', id: 9, name: 'Ben Byron', email: 'ben@example.org' } as const
    host.book({ id: 42, startsAt: '2031-06-02T10:00:00' })
    await notifications.appointmentBooked(42)
    await clinic.settle()
    // Its messages are over, and it takes place.
    await notifications.cancelReminders(42)
    await clinic.clock.advance(32 * 24 * 3_600_000)
    await clinic.privacy.applyRetention()
    const [sent] = (await notifications.history({ appointmentId: 42 })).notifications
    expect(sent).toMatchObject({ recipientAddress: null, message: '' })
    host.change(42, { recipients: [ada, ben], status: 'cancelled' })
    await notifications.appointmentCancelled(42)
    await clinic.settle()
    host.change(42, { recipients: [ben], status: 'scheduled' })
    await notifications.appointmentBooked(42)
    await clinic.settle()
    host.change(42, { recipients: [{ ...ada, email: 'ada@other.example' }, ben], startsAt: '2031-06-03T10:00:00' })
    await notifications.appointmentRescheduled(42)
    await clinic.settle()
    const to = clinic.outbox.sent.map(({ to }) => to)
    expect(stepsOf(clinic.outbox.sent).map((step, index) => [to[index], ...step.slice(0, 3)])).toEqual([
      [ada.email, 'CONFIRMATION', 'REQUEST', 0],
      [ada.email, 'CANCELLATION', 'CANCEL', 1],
      [ben.email, 'CANCELLATION', null],
      [ben.email, 'CONFIRMATION', 'REQUEST', 2],
      [ben.email, 'RESCHEDULE', 'REQUEST', 3],
      ['ada@other.example', 'CONFIRMATION', 'REQUEST', 3],
    ])
  })

  it('are taken out for who shares an address with others, also where these are erased', async () => {
    await using clinic = await open()
    const { notifications, host } = clinic
    const [ben, cas] = [9, 10].map((id) => ({ ...ada, type: 'CLIENT', id }) as const)
    if (ben === undefined || cas === undefined) throw new Error('expected two')
    host.book({ id: 42, startsAt: '2031-06-02T10:00:00', recipients: [ada, ben, cas] })
    await notifications.appointmentBooked(42)
    await clinic.settle()
    host.change(42, { recipients: [cas] })
    for (const { type, id } of [ada, ben]) await clinic.privacy.eraseRecipient({ type, id })
    const [sent] = (await notifications.history({ appointmentId: 42 })).notifications
    expect(sent).toMatchObject({ message: '', subject: null })
    host.change(42, { status: 'cancelled' })
    await notifications.appointmentCancelled(42)
    await clinic.settle()
    expect(stepsOf(clinic.outbox.sent).map((step) => step.slice(0, 3))).toEqual([
      ['CONFIRMATION', 'REQUEST', 0],
      ['CANCELLATION', 'CANCEL', 1],
    ])
  })

  it('are of whoever sends the first mail that arrives, also where others were to send it', async () => {
    const tried: OutboundMessage[] = []
    await using clinic = await open(
      { publicUrl, hooks: heard },
      {
        emailTemplates: { appointment_confirmation: 'Confirm: {confirm_url}' },
        emailSmtpHost: 'mail.a.example',
        emailFromAddress: 'a@harbour.example',
        channels: { email: { accounts: [{ host: 'mail.b.example', fromAddress: 'b@harbour.example' }] } },
      },
      (message) => {
        tried.push(message)
        const refusal = { outcome: 'permanent', code: 'refused' } as const
        if (message.from === 'a@harbour.example') return new TransportError('No.', { ...refusal, scope: 'account' })
        return message.from === 'b@harbour.example' ? new TransportError('No.', refusal) : null
      },
    )
    clinic.host.book({ id: 42, startsAt: '2031-03-08T10:00:00' })
    await clinic.notifications.appointmentBooked(42)
    await clinic.settle()
    expect(filed(tried).map((file) => read(file).organizer)).toEqual(['a@harbour.example', 'b@harbour.example'])
    const accounts = [{ host: 'mail.c.example', fromAddress: 'c@harbour.example' }]
    await clinic.settings.updateOrganizationSettings(organizationId, { channels: { email: { accounts } } })
    const url = /https:\S+/.exec(tried[0]?.text ?? '')?.[0] ?? ''
    const download = await ask(clinic, url.replace('/confirm/', '/calendar/'))
    clinic.host.change(42, { startsAt: '2031-03-09T10:00:00' })
    await clinic.notifications.appointmentRescheduled(42)
    await clinic.settle()
    const [moved] = filed(clinic.outbox.sent).map(read)
    expect(moved).toMatchObject({ organizer: 'c@harbour.example', sequence: 1, start: '2031-03-09T14:00:00Z' })
    expect(read(download.body ?? '')).toMatchObject({ uid: moved?.uid, organizer: moved?.organizer, sequence: 0 })
  })

  it('are not begun where TaskManager delivers, of which the settings, the log and health speak', async () => {
    const outbox = capture()
    const authenticate = () => ({ kind: 'service' }) as const
    await using world = await openWithTaskManager(now, {}, { ...mailing(outbox), authenticate })
    const { settings, notifications, host, clock } = world
    const { warnings } = await settings.createOrganizationSettings(organizationId, {
      calendarFiles: true,
      smsEnabled: false,
      quietHours: [],
      defaultEmailReminders: [],
    })
    const message = 'no mail has a calendar file: TaskManager delivers, and takes no files'
    expect(warnings).toEqual([{ field: 'calendarFiles', code: 'calendar_files_unsent', message }])
    await world.service.shut()
    await world.start()
    host.book({ id: 42, startsAt: '2031-03-08T10:00:00' })
    await notifications.appointmentBooked(42)
    // What it does not take goes out here, and what TaskManager delivers later could not move the event.
    for (let minutes = 0; minutes < 8; minutes += 2) await clock.advance(2 * 60_000)
    await world.eventually(() => stepsOf(outbox.sent)).toEqual([['CONFIRMATION', null]])
    const { answer } = await request(world, { method: 'GET', path: '/health', caller: service })
    expect(JSON.stringify(answer)).toContain('calendar files are switched on, and no mail has one')
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
    expect(moved?.calendar?.content.replaceAll('\r\n ', '')).toContain(
      `SENT-BY="mailto:new@harbour.example":mailto:${firstSender}`,
    )
    expect(filed(moved === undefined ? [] : [moved]).map(read)).toMatchObject([
      { uid: attempts[0]?.uid, sequence: 1, organizer: firstSender, start: '2031-03-09T14:00:00Z' },
    ])
  })

  it('of a setting that is switched off are kept right, and no new ones begun', async () => {
    await using clinic = await open()
    const { notifications, host } = clinic
    host.book({ id: 42, startsAt: '2031-03-08T10:00:00' })
    await notifications.appointmentBooked(42)
    await clinic.settle()
    await clinic.settings.updateOrganizationSettings(organizationId, { calendarFiles: false })
    host.change(42, { startsAt: '2031-03-10T10:00:00' })
    await notifications.appointmentRescheduled(42)
    host.book({ id: 43, startsAt: '2031-03-09T10:00:00' })
    await notifications.appointmentBooked(43)
    await clinic.settle()
    host.change(42, { status: 'cancelled' })
    await notifications.appointmentCancelled(42)
    await clinic.settle()
    host.change(42, { status: 'scheduled' })
    await notifications.appointmentBooked(42)
    await clinic.settle()
    const files = clinic.outbox.sent.map(({ category, calendar: file }) => {
      const event = file === undefined || file === null ? null : read(String(file.content))
      return [category, event?.method ?? null, event?.sequence ?? null]
    })
    expect(files).toEqual([
      ['CONFIRMATION', 'REQUEST', 0],
      ['RESCHEDULE', 'REQUEST', 1],
      ['CONFIRMATION', null, null],
      ['CANCELLATION', 'CANCEL', 2],
      ['CONFIRMATION', null, null],
    ])
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('out of ink')
      },
    ],
    ['rejects', () => Promise.reject(new Error('out of ink'))],
  ])('never keep a message back where writing one %s', async (_, write) => {
    // @ts-expect-error Hosts without types may write anything.
    const broken: CalendarWriter = { async load() {}, write }
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
  const link = async (clinic: Clinic): Promise<string> => {
    clinic.host.book({ id: 42, startsAt: '2031-03-08T10:00:00' })
    await clinic.notifications.appointmentBooked(42)
    await clinic.settle()
    return /https:\S+/.exec(clinic.outbox.sent[0]?.text ?? '')?.[0] ?? ''
  }
  const emailTemplates = { appointment_confirmation: 'Confirm: {confirm_url}' }

  it.each([
    ['everything', []],
    ['less than a reminder', [{ category: 'CONFIRMATION', level: 1 }]],
  ])('offers the event that mail keeps right as a file, where a confirmation says %s', async (_, detailLevels) => {
    await using clinic = await open({ publicUrl, hooks: heard }, { emailTemplates, detailLevels })
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
