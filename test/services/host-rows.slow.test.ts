/** Rows of a host as hosts write them: what is strange harms itself alone, and somebody can see it. */
import { describe, expect, it } from 'vitest'
import type { DirectoryFinding, EntityId } from '../../src/index.ts'
import { ask, service } from '../conformance/http/world.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'

const now = '2030-01-10T12:00:00Z'
const start = new Date('2030-01-15T14:00:00Z')
const minute = 60_000
const byMail = { type: 'PATIENT', id: 12, name: 'Ada Byron', email: 'ada@example.org' } as const
type Clinic = Awaited<ReturnType<typeof openTold>>

/** A clinic of which every finding is kept. */
async function openTold(options: Parameters<typeof openClinic>[1] = {}) {
  const clinic = await openClinic(now, { authenticate: () => ({ kind: 'service' }), ...options })
  const found: DirectoryFinding[] = []
  clinic.events.on('directory.finding', (finding) => void found.push(finding))
  return { ...clinic, found }
}

/** Has the directory answer what no compiler would let it. */
function answering(clinic: Pick<Clinic, 'host'>, change: (row: object) => unknown): void {
  const real = clinic.host.appointments.bind(clinic.host)
  const appointments = async (ids: readonly EntityId[]) => (await real(ids)).map(change)
  Object.assign(clinic.host, { appointments })
}
const withFields = (fields: object) => (row: object) => ({ ...row, ...fields })

const health = async (clinic: Clinic) =>
  Object((await ask(clinic, { method: 'GET', path: '/health', caller: service })).answer)
const rowsOf = async (clinic: Clinic) => (await health(clinic)).directory.methods[0].rows
const warningsOf = async (clinic: Clinic) =>
  (await clinic.notifications.explain(1)).filter(({ action }) => action === 'warned')
const linesOf = (clinic: Clinic, text: string) => clinic.log.lines.filter((line) => line.includes(text))
const schedule = (clinic: Clinic) => clinic.notifications.scheduleReminders(1, { customReminders: [24] })

describe('an optional field that is wrong', () => {
  it.each<[string, object]>([
    ['durationMinutes', { durationMinutes: 0 }],
    ['durationMinutes', { durationMinutes: '30' }],
    ['durationMinutes', { durationMinutes: Number.NaN }],
    ['durationMinutes', { durationMinutes: -15 }],
    ['location', { location: { city: 'Bergen' } }],
    ['practitionerName', { practitionerName: 7 }],
    ['recipients[0].name', { recipients: [{ ...byMail, name: 42 }] }],
    ['recipients[0].locale', { recipients: [{ ...byMail, locale: 'german' }] }],
    ['recipients[0].timeZone', { recipients: [{ ...byMail, timeZone: 'Mars/Olympus' }] }],
    ['recipients[0].phone', { recipients: [{ ...byMail, phone: 447700900123 }] }],
  ])('is left out, the reminder is planned, and one finding names it: %s %j', async (field, wrong) => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    answering(clinic, withFields(wrong))
    expect((await schedule(clinic)).reminders).toHaveLength(1)
    expect(clinic.found).toMatchObject([{ method: 'appointments', id: 1, usable: true, issues: [{ field }] }])
    expect(await warningsOf(clinic)).toMatchObject([{ rule: 'field_ignored', because: expect.stringContaining(field) }])
    expect(await rowsOf(clinic)).toMatchObject({
      unreadable: { count: 0 },
      ignored: [{ field: field.replace('[0]', '[]'), count: 1, id: 1 }],
    })
    expect(linesOf(clinic, 'directory row has invalid fields')).toHaveLength(1)
  })

  it.each([{ status: null }, { status: undefined }, { status: 'Confirmed' }, { name: '' }])(
    'is none where it is blank, or another spelling: %j',
    async (fields) => {
      await using clinic = await openTold()
      clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
      answering(clinic, withFields(fields))
      expect((await schedule(clinic)).reminders).toHaveLength(1)
      expect(clinic.found.filter(({ issues }) => issues.some(({ field }) => field === 'status'))).toEqual([])
    },
  )

  it('of one of two recipients keeps nothing from the other', async () => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start })
    answering(clinic, withFields({ recipients: [byMail, { type: 'CLIENT', id: 5, email: 42 }] }))
    const { reminders, omitted } = await schedule(clinic)
    expect(reminders.map(({ recipient }) => recipient.id)).toEqual([12])
    expect(omitted).toContainEqual(
      expect.objectContaining({ rule: 'no_contact', recipient: { type: 'CLIENT', id: 5 } }),
    )
    expect(await warningsOf(clinic)).toMatchObject([
      { recipient: { type: 'CLIENT', id: 5 }, because: expect.stringContaining('recipients[1].email') },
    ])
  })

  it('of a language the runtime does not know falls back to the organization, not to English', async () => {
    await using clinic = await openTold()
    clinic.host.organizationRows.set(organizationId, { id: organizationId, name: 'Hafen', locale: 'de_DE.UTF-8' })
    clinic.host.book({ id: 1, startsAt: start, recipients: [{ ...byMail, locale: 'german' }] })
    await schedule(clinic)
    await clinic.start()
    await clinic.clock.advanceTo('2030-01-14T14:10:00Z')
    expect(clinic.outbox.sent[0]?.text).toContain('Januar')
    expect(clinic.found[0]).toMatchObject({ issues: [{ field: 'recipients[0].locale' }] })
  })

  it('of an organization is reported with its id', async () => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    const organizations = async () => [{ id: organizationId, name: { de: 'Hafen' }, locale: 'german' }]
    Object.assign(clinic.host, { organizations })
    expect((await schedule(clinic)).reminders).toHaveLength(1)
    expect(clinic.found).toMatchObject([
      { method: 'organizations', id: organizationId, usable: true, issues: [{ field: 'name' }, { field: 'locale' }] },
    ])
  })

  it('whose getter throws is left out as well', async () => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    answering(clinic, (row) =>
      Object.defineProperty({ ...row }, 'location', {
        enumerable: true,
        get: () => {
          throw new Error('the row is detached')
        },
      }),
    )
    expect((await schedule(clinic)).reminders).toHaveLength(1)
    expect(clinic.found).toMatchObject([{ issues: [{ field: 'location' }] }])
  })

  it('is reported once, not at every reading, and is over when it is mended', async () => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    let wrong: unknown = 0
    answering(clinic, (row) => ({ ...row, durationMinutes: wrong }))
    for (let times = 0; times < 3; times++) await schedule(clinic)
    expect(clinic.found).toHaveLength(1)
    wrong = 30
    await schedule(clinic)
    expect((await rowsOf(clinic)).ignored).toEqual([])
    expect(await warningsOf(clinic)).toEqual([])
  })

  it('never puts a name or a contact into the log, the events or health', async () => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start })
    const odd = { ...ada, locale: 'Ada Byron', timeZone: 'ada@example.org', name: ['Ada'] }
    answering(clinic, withFields({ recipients: [odd], location: { of: 'Ada Byron' }, status: 'Ada Byron' }))
    await expect(schedule(clinic)).rejects.toMatchObject({ code: 'directory_invalid' })
    const seen = JSON.stringify([clinic.log.lines, clinic.found, await health(clinic)])
    expect(seen).toContain('status')
    expect(seen).not.toMatch(/\bada\b|byron|4155550123/i)
  })
})

describe('a required field that cannot be read', () => {
  it.each<[string, object, string]>([
    ['status', { status: 'booked' }, 'scheduled, confirmed, cancelled, completed, no_show'],
    ['startsAt', { startsAt: '2030-01-15' }, 'with a time'],
    ['startsAt', { startsAt: new Date(Number.NaN) }, 'must be a Date'],
    ['startsAt', { startsAt: '2030-02-30T10:00Z' }, 'must be a Date'],
    ['startsAt', { startsAt: undefined }, 'is missing'],
    ['timeZone', { timeZone: 'BST' }, 'Europe/London'],
    ['timeZone', { timeZone: 'IST' }, 'Asia/Kolkata'],
    ['timeZone', { timeZone: 'AST' }, 'America/Halifax'],
    ['timeZone', { timeZone: '+02:00' }, 'IANA'],
    ['organizationId', { organizationId: 7 }, 'must be text'],
    ['recipients', { recipients: 'ada' }, 'must be a list'],
    ['state', { status: undefined, state: 'cancelled' }, 'did you mean "status"'],
    ['Status', { status: undefined, Status: 'cancelled' }, 'did you mean "status"'],
    ['cancelledAt', { status: undefined, cancelledAt: new Date() }, 'did you mean "status"'],
    ['statusCode', { status: undefined, statusCode: 'cancelled' }, 'did you mean "status"'],
    ['current_status', { status: undefined, current_status: 'cancelled' }, 'did you mean "status"'],
    ['cancelledBy', { status: undefined, cancelledBy: 7 }, 'did you mean "status"'],
    ['cancellationReason', { status: undefined, cancellationReason: 'ill' }, 'did you mean "status"'],
    ['voided', { status: undefined, voided: true }, 'did you mean "status"'],
    ['isActive', { status: undefined, isActive: false }, 'did you mean "status"'],
    ['isDeleted', { status: null, isDeleted: true }, 'did you mean "status"'],
  ])('puts the appointment off with the reason everywhere, and cancels nothing: %s %j', async (field, wrong, words) => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await schedule(clinic)
    answering(clinic, withFields(wrong))
    const issues = [{ field, message: expect.stringContaining(words) }]
    await expect(clinic.notifications.rescheduleReminders(1)).rejects.toMatchObject({
      code: 'directory_invalid',
      issues,
    })
    expect(
      await ask(clinic, { method: 'POST', path: '/reminders/appointment/1/reschedule', caller: service }),
    ).toMatchObject({
      status: 502,
      answer: { code: 'directory_invalid', errors: issues, detail: expect.stringContaining(words) },
    })
    await clinic.start()
    await clinic.clock.advanceTo('2030-01-14T14:10:00Z')
    await clinic.reconcile()
    expect(clinic.outbox.sent).toEqual([])
    expect(await clinic.notifications.getReminders(1)).toMatchObject([{ status: 'PENDING' }])
    const lines = await clinic.notifications.explain(1)
    expect(lines).toContainEqual(
      expect.objectContaining({
        action: 'deferred',
        rule: 'appointment_unreadable',
        detail: expect.stringContaining(words),
      }),
    )
    expect(await warningsOf(clinic)).toMatchObject([{ because: expect.stringContaining(words) }])
    expect(clinic.found[0]).toMatchObject({ id: 1, usable: false, issues })
    expect(await health(clinic)).toMatchObject({ status: 'degraded', directory: { status: 'degraded' } })
    expect((await rowsOf(clinic)).unreadable).toMatchObject({ count: 1, ids: [1] })
    answering(
      clinic,
      withFields({
        ...clinic.host.appointmentRows.get(1),
        state: undefined,
        Status: undefined,
        cancelledAt: null,
        isDeleted: false,
      }),
    )
    await clinic.clock.advance(10 * minute)
    expect(clinic.outbox.sent).toHaveLength(1)
    expect((await health(clinic)).directory.status).toBe('ok')
  })

  it('of an appointment that was never reported is no "no such appointment"', async () => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    answering(clinic, withFields({ status: 'booked' }))
    for (const path of ['/reminders/appointment/1/plan', '/reminders/appointment/1/explain']) {
      expect(await ask(clinic, { method: 'GET', path, caller: service })).toMatchObject({
        answer: { code: 'directory_invalid', errors: [{ field: 'status' }] },
      })
    }
    // Somebody of another organization hears what they hear of one that does not exist.
    const other = { kind: 'staff', organizationId: 'other', role: 'admin' } as const
    await using foreign = await openTold({ authenticate: () => other })
    foreign.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    answering(foreign, withFields({ status: 'booked' }))
    expect(await ask(foreign, { method: 'GET', path: '/reminders/appointment/1/plan', caller: other })).toMatchObject({
      status: 404,
    })
  })

  it('of one person among several: the others are reminded, and that one later', async () => {
    await using clinic = await openTold()
    const client = { type: 'CLIENT', id: 5, email: 'five@example.org' } as const
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail, client] })
    await schedule(clinic)
    let type = 'cleint'
    answering(clinic, (row) => ({ ...row, recipients: [byMail, { ...client, type }] }))
    await clinic.notifications.rescheduleReminders(1)
    await clinic.start()
    await clinic.clock.advanceTo('2030-01-14T14:10:00Z')
    expect(clinic.sentTo()).toEqual(['EMAIL ada@example.org'])
    expect(clinic.found[0]).toMatchObject({ usable: true, issues: [{ field: 'recipients[1].type' }] })
    type = 'client'
    await clinic.clock.advance(10 * minute)
    expect(clinic.sentTo()).toEqual(['EMAIL ada@example.org', 'EMAIL five@example.org'])
  })
})

describe('recipients of a group session', () => {
  it('140 of them are all reminded', async () => {
    await using clinic = await openTold()
    const people = Array.from({ length: 140 }, (_, index) => ({
      type: 'PATIENT' as const,
      id: index + 1,
      email: `p${index}@example.org`,
    }))
    clinic.host.book({ id: 1, startsAt: start, recipients: people })
    expect((await schedule(clinic)).reminders).toHaveLength(140)
    await clinic.start()
    await clinic.clock.advanceTo('2030-01-14T14:10:00Z')
    expect(new Set(clinic.sentTo()).size).toBe(140)
  })
})

describe('ids of a 64-bit key', () => {
  it('are the same id: 1n where 1 was asked', async () => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    answering(clinic, withFields({ id: 1n, recipients: [{ ...byMail, id: 12n }] }))
    Object.assign(clinic.host, { upcoming: async () => ({ ids: [1n], cursor: null }) })
    await clinic.notifications.scheduleReminders(1n, { customReminders: [24] })
    expect(await clinic.reconcile()).toMatchObject({ unchanged: 1, unreadable: 0, gone: 0 })
    await clinic.start()
    await clinic.clock.advanceTo('2030-01-14T14:10:00Z')
    expect(clinic.sentTo()).toEqual(['EMAIL ada@example.org'])
  })

  it('beyond 2^53 - 1 are refused in words, and the row is unreadable, not gone', async () => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await schedule(clinic)
    answering(clinic, withFields({ id: 2n ** 53n }))
    await expect(schedule(clinic)).rejects.toMatchObject({
      code: 'directory_invalid',
      issues: [{ field: 'id', message: expect.stringContaining('2^53 - 1') }],
    })
    await expect(clinic.notifications.scheduleReminders(2n ** 53n)).rejects.toMatchObject({ code: 'invalid_input' })
  })

  it.each([{ id: undefined }, { id: null }, { id: {} }, { id: '' }])(
    'a row without its id is not gone: %j',
    async (fields) => {
      await using clinic = await openTold()
      clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
      await schedule(clinic)
      answering(clinic, withFields(fields))
      await clinic.start()
      for (let times = 0; times < 3; times++) {
        await clinic.reconcile()
        await clinic.clock.advance(10 * minute)
      }
      expect(await clinic.notifications.getReminders(1)).toMatchObject([{ status: 'PENDING' }])
    },
  )
})

describe('fields that nobody knows', () => {
  it('are not those that a person has as a row of their own', async () => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start })
    answering(clinic, withFields({ recipients: [{ ...byMail, organizationId }] }))
    await schedule(clinic)
    expect(linesOf(clinic, 'unknown fields')).toEqual([])
  })

  it('are named in one log line, once, with what they may stand for', async () => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start })
    const person = { type: 'PATIENT', id: 12, mail: 'ada@example.org', phoneNumber: '+14155550123', language: 'de' }
    answering(clinic, withFields({ recipients: [person], createdAt: new Date(), duration: 30, durationMinutes: null }))
    for (let times = 0; times < 3; times++) {
      await schedule(clinic)
      await clinic.clock.advance(2 * minute)
    }
    const lines = linesOf(clinic, 'unknown fields')
    expect(lines).toHaveLength(1)
    const [line = ''] = lines
    for (const [field, meant] of [
      ['recipients[].mail', 'email'],
      ['recipients[].phoneNumber', 'phone'],
      ['recipients[].language', 'locale'],
      ['duration', 'durationMinutes'],
    ]) {
      expect(JSON.parse(line).fault).toContain(`${field} is not a known field; did you mean "${meant}"?`)
    }
    expect(JSON.parse(line).fault).toContain('createdAt is not a known field;')
    const [warned] = (await warningsOf(clinic)).filter(({ because }) => because.includes('mail'))
    expect(warned).toMatchObject({ recipient: { type: 'PATIENT', id: 12 } })
  })

  it.each([
    { state: 'NY' },
    { stateName: 'New York' },
    { cancelledAt: null },
    { cancellationPolicy: '24h' },
    { deleted: false },
    { isActive: true },
    { paymentStatus: 'paid' },
    { notes: 'cancelled' },
  ])('do not put an appointment off that has no status to say: %j', async (fields) => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    answering(clinic, withFields({ status: undefined, ...fields }))
    expect((await schedule(clinic)).reminders).toHaveLength(1)
  })

  it('beside a status say nothing: state is a part of a country', async () => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    answering(clinic, withFields({ state: 'cancelled' }))
    expect((await schedule(clinic)).reminders).toHaveLength(1)
    expect(clinic.found).toEqual([])
  })
})

describe('an instant', () => {
  it.each([
    ['2030-01-15T14:00Z', '2030-01-15T14:00:00.000Z'],
    ['2030-01-15T14:00+01:00', '2030-01-15T13:00:00.000Z'],
    ['2030-01-15T14:00:00.5+0100', '2030-01-15T13:00:00.500Z'],
    ['2030-01-15 14:00:00+01', '2030-01-15T13:00:00.000Z'],
    ['2030-01-15T14:00:00,123456Z', '2030-01-15T14:00:00.123Z'],
    ['2030-01-15t14:00z', '2030-01-15T14:00:00.000Z'],
    ['2030-01-15T14:00-05:00[America/New_York]', '2030-01-15T19:00:00.000Z'],
    ['2030-01-15T14:00', '2030-01-15T19:00:00.000Z'],
  ])('is read as ISO 8601 and databases write it: %s', async (startsAt, instant) => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt, recipients: [byMail] })
    const { reminders } = await schedule(clinic)
    expect(reminders[0]?.reminderTime.getTime()).toBe(new Date(instant).getTime() - 24 * 60 * minute)
  })

  it.each(['2030-01-15T14:00Z', '2030-01-15T14:00+01:00', '2030-01-15T14:00+01', '2030-01-15T14:00%2B0100'])(
    'is taken in a query: %s',
    async (text) => {
      await using clinic = await openTold()
      for (const path of ['/history/', `/audit/${organizationId}`, '/statistics']) {
        const asked = {
          method: 'GET',
          path,
          query: `start_date=${text}`,
          caller: service,
        }
        expect(await ask(clinic, asked)).toMatchObject({ status: 200 })
      }
    },
  )
})

describe('the zone of an appointment', () => {
  it.each(['UTC', 'GMT', 'Europe/Kiev', 'US/Eastern', 'Asia/Calcutta', 'Etc/GMT+5', ' Europe/Berlin '])(
    'may have any name of the IANA database: %s',
    async (timeZone) => {
      await using clinic = await openTold()
      clinic.host.book({ id: 1, startsAt: start, timeZone, recipients: [byMail] })
      expect((await schedule(clinic)).reminders).toHaveLength(1)
      expect(clinic.found).toEqual([])
    },
  )

  it('EST is five hours behind all year, which is said', async () => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start, timeZone: 'EST', recipients: [byMail] })
    expect((await schedule(clinic)).reminders).toHaveLength(1)
    expect(clinic.found).toMatchObject([{ issues: [{ message: expect.stringContaining('America/New_York') }] }])
  })

  it('under another of its names is no change: Europe/Kiev, Europe/Kyiv', async () => {
    await using clinic = await openTold()
    clinic.host.book({ id: 1, startsAt: start, timeZone: 'Europe/Kiev', recipients: [byMail] })
    await clinic.notifications.appointmentBooked(1)
    clinic.host.change(1, { timeZone: 'Europe/Kyiv' })
    expect((await clinic.notifications.appointmentBooked(1)).notifications).toEqual([])
    expect(await clinic.reconcile()).toMatchObject({ unchanged: 1 })
  })
})

it('an offer on the waitlist whose end cannot be read waits, and goes out when it can', async () => {
  await using clinic = await openTold()
  const entry = { id: 7, organizationId, recipients: [byMail], timeZone: 'Europe/Berlin', expiresAt: start }
  clinic.host.waitlistRows.set(7, entry)
  await clinic.notifications.notifyWaitlist(7)
  clinic.host.waitlistRows.set(7, { ...entry, expiresAt: 'tomorrow' })
  await expect(clinic.notifications.notifyWaitlist(7)).rejects.toMatchObject({
    code: 'directory_invalid',
    issues: [{ field: 'expiresAt' }],
  })
  await clinic.start()
  await clinic.clock.advance(minute)
  expect(clinic.outbox.sent).toEqual([])
  clinic.host.waitlistRows.set(7, entry)
  await clinic.clock.advance(10 * minute)
  expect(clinic.outbox.sent).toHaveLength(1)
})

it('a described appointment names every field that cannot be read', async () => {
  await using clinic = await openTold()
  const described = { ...clinic.host.book({ id: 1, startsAt: '2030-01-15' }), timeZone: 'BST' }
  await expect(clinic.notifications.plan(described)).rejects.toMatchObject({
    code: 'invalid_input',
    issues: [{ field: 'startsAt' }, { field: 'timeZone' }],
  })
})

describe('an id of the other kind than the option "ids" says', () => {
  it.each([
    ['integers', {}, 12, '12', 'must be an integer'],
    ['text', { ids: { recipient: 'text' } }, '12', 12, 'must be text'],
  ] as const)(
    'is named, and nobody is taken for gone, where ids are %s',
    async (_what, options, right, wrong, words) => {
      await using clinic = await openClinic(now, options)
      const person = { type: 'PATIENT', email: 'ada@example.org' } as const
      clinic.host.book({ id: 1, startsAt: start, recipients: [{ ...person, id: right }] })
      await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
      clinic.host.change(1, { recipients: [{ ...person, id: wrong }] })
      expect(await clinic.notifications.appointmentRescheduled(1).catch((error: unknown) => error)).toMatchObject({
        code: 'directory_invalid',
        issues: [{ field: 'recipients[0].id', message: expect.stringContaining(words) }],
      })
      clinic.host.change(1, { recipients: [{ ...person, id: right }] })
      const ref = { type: 'PATIENT', id: wrong } as const
      const refused = (field: string) =>
        expect.objectContaining({ code: 'invalid_input', field, message: expect.stringContaining(words) })
      const { notifications, settings } = clinic
      const asked = notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', recipients: [ref] })
      await expect(asked).rejects.toEqual(refused('recipients[0].id'))
      await expect(notifications.recipientDeleted(ref)).rejects.toEqual(refused('id'))
      await expect(settings.updatePreferences(ref, { smsEnabled: false })).rejects.toEqual(refused('id'))
      await expect(settings.effectivePreferences(ref)).rejects.toEqual(refused('id'))
      await expect(notifications.history({ recipientId: wrong })).rejects.toEqual(refused('recipientId'))
      expect((await notifications.getReminders(1)).map(({ status }) => status)).toEqual(['PENDING'])
    },
  )
})
