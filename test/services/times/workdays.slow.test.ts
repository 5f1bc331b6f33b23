/** Offsets in workdays, and offsets by kind of appointment. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseStart } from '../../../src/domain/local-time.ts'
import { reminderTime } from '../../../src/domain/reminder-time.ts'
import { parseOffset, readOffset } from '../../../src/schemas/offset.ts'
import { ada, openClinic, organizationId } from '../../support/clinic.ts'

const now = '2030-01-02T12:00:00Z'
/** A Tuesday, 14:00 in New York. */
const startsAt = new Date('2030-01-15T19:00:00Z')
const byMail = { ...ada, phone: null }

async function planned(settings: object, offset: string) {
  await using clinic = await openClinic(now)
  await clinic.settings.createOrganizationSettings(organizationId, settings)
  clinic.host.book({ id: 1, startsAt, recipients: [byMail] })
  const { reminders } = await clinic.notifications.plan(1, { customReminders: [offset] })
  return reminders.map(({ reminderTime, offset, hoursBefore }) => [reminderTime.toISOString(), offset, hoursBefore])
}

describe('workdays', () => {
  it.each([
    ['a weekend between does not count', {}, '2wd@10:00', '2030-01-11T15:00:00.000Z', 100],
    ['nor does a holiday', { holidays: ['2030-01-14'] }, '2wd@10:00', '2030-01-10T15:00:00.000Z', 124],
    ['by the week of the organization', { workdays: [7, 1, 2, 3, 4] }, '2wd@10:00', '2030-01-13T15:00:00.000Z', 52],
    ["at the start's time of day without another", {}, '2WD', '2030-01-11T19:00:00.000Z', 96],
  ])('%s', async (_, settings, offset, time, hours) => {
    expect(await planned(settings, offset)).toEqual([[time, offset.toLowerCase(), hours]])
  })

  it.each(['0wd', '1.5wd', '101wd', '2wd@25:00', '2wdx'])('%s is refused', (offset) => {
    expect(typeof readOffset(offset)).toBe('string')
  })

  it('lie before the start, on a workday, whatever the week', () => {
    const days = fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 7 })
    fc.assert(
      fc.property(days, fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 400 }), (workdays, count, day) => {
        const start = parseStart(new Date(Date.UTC(2029, 5, 1 + day, 12)), 'Europe/Berlin')
        const time = reminderTime(parseOffset(`${count}wd@08:00`), start, { workdays, holidays: [] })
        expect(time.getTime()).toBeLessThan(start.instant.getTime())
        expect(workdays).toContain(time.getUTCDay() === 0 ? 7 : time.getUTCDay())
      }),
    )
  })

  it('may be a Thursday for a Monday morning, though Friday at ten is nearer to it than two days', async () => {
    await using clinic = await openClinic(now)
    await clinic.settings.createOrganizationSettings(organizationId, {})
    clinic.host.book({ id: 1, startsAt: new Date('2030-01-14T14:00:00Z'), recipients: [byMail] })
    const { reminders } = await clinic.notifications.plan(1, { customReminders: ['2wd@10:00'] })
    expect(reminders.map(({ reminderTime }) => reminderTime.toISOString())).toEqual(['2030-01-10T15:00:00.000Z'])
  })

  it('that lie in the past when planned are skipped, as other offsets are', async () => {
    await using clinic = await openClinic('2030-01-11T15:00:01Z')
    await clinic.settings.createOrganizationSettings(organizationId, {})
    clinic.host.book({ id: 1, startsAt, recipients: [byMail] })
    const { reminders, omitted } = await clinic.notifications.plan(1, { customReminders: ['2wd@10:00', '1wd@10:00'] })
    expect(reminders.map(({ offset }) => offset)).toEqual(['1wd@10:00'])
    expect(omitted).toMatchObject([{ rule: 'past_time', offset: '2wd@10:00' }, {}])
  })

  it.each([[[]], [[0]], [[8]], [[1.5]]])('a week of %j is refused', async (workdays) => {
    await using clinic = await openClinic(now)
    await expect(clinic.settings.createOrganizationSettings(organizationId, { workdays })).rejects.toMatchObject({
      code: 'invalid_input',
    })
  })

  it('over a change of the clocks are at the time of day that is asked for', async () => {
    // New York leaves winter time on Sunday, 2030-03-10.
    await using clinic = await openClinic(now)
    await clinic.settings.createOrganizationSettings(organizationId, { workdays: [1, 2, 3, 4, 5, 6, 7] })
    clinic.host.book({ id: 1, startsAt: '2030-03-11T10:00', timeZone: 'America/New_York', recipients: [byMail] })
    const { reminders } = await clinic.notifications.plan(1, { customReminders: ['1wd@02:30', '2wd'] })
    expect(reminders.map(({ reminderTime }) => reminderTime.toISOString())).toEqual([
      '2030-03-09T15:00:00.000Z',
      '2030-03-10T07:30:00.000Z',
    ])
  })

  it('24 hours, a day and a workday that are the same time are one reminder', async () => {
    await using clinic = await openClinic(now)
    await clinic.settings.createOrganizationSettings(organizationId, { defaultEmailReminders: [24, '1d', '1wd', 2] })
    clinic.host.book({ id: 1, startsAt, recipients: [byMail] })
    await clinic.start()
    const { reminders, omitted } = await clinic.notifications.plan(1)
    expect(reminders.map(({ offset }) => offset)).toEqual(['1d', '2h'])
    expect(omitted.filter(({ channel }) => channel === 'EMAIL')).toMatchObject([
      { action: 'merged', rule: 'nearer_reminder', offset: '1wd' },
      { action: 'merged', rule: 'nearer_reminder', offset: '24h' },
    ])
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24, '1d'] })
    const rows = await clinic.notifications.getReminders(1)
    expect(rows.map(({ offset, status }) => [offset, status])).toEqual([['24h', 'PENDING']])
    await clinic.clock.advanceTo('2030-01-15T18:59:00Z')
    expect(clinic.sentTo()).toEqual(['EMAIL ada@example.org'])
  })

  it('are planned again when the holidays change, and sent then', async () => {
    await using clinic = await openClinic(now)
    await clinic.settings.createOrganizationSettings(organizationId, { defaultEmailReminders: ['2wd@10:00'] })
    clinic.host.book({ id: 1, startsAt, recipients: [byMail] })
    await clinic.start()
    await clinic.notifications.scheduleReminders(1)
    await clinic.settings.updateOrganizationSettings(organizationId, { holidays: ['2030-01-14'] })
    await clinic.clock.advanceTo('2030-01-10T15:01:00Z')
    expect(clinic.sentTo()).toEqual(['EMAIL ada@example.org'])
    expect(await clinic.notifications.explain(1)).toContainEqual(
      expect.objectContaining({
        action: 'moved',
        rule: 'replanned',
        offset: '2wd@10:00',
        from: '2030-01-11T15:00:00.000Z',
        for: '2030-01-10T15:00:00.000Z',
      }),
    )
  })
})

describe('reminders by kind', () => {
  const remindersByKind = [
    { kind: 'surgery', reminders: ['1w', 24] },
    { kind: 'surgery', channel: 'SMS', reminders: [3] },
  ] as const
  const settings = { remindersByKind: remindersByKind.map((rule) => ({ ...rule, reminders: [...rule.reminders] })) }

  it('come before those of the organization, and after those that the recipient prefers', async () => {
    await using clinic = await openClinic(now)
    await clinic.settings.createOrganizationSettings(organizationId, settings)
    const offsets = async (kind: string | undefined) => {
      clinic.host.book({ id: 1, startsAt, kind })
      const { reminders } = await clinic.notifications.plan(1)
      return reminders.map(({ channel, offset }) => `${channel} ${offset}`)
    }
    expect(await offsets('surgery')).toEqual(['EMAIL 7d', 'EMAIL 24h', 'SMS 3h'])
    expect(await offsets('check-up')).toEqual(['EMAIL 24h', 'SMS 24h', 'EMAIL 2h', 'SMS 2h'])
    expect(await offsets(undefined)).toEqual(['EMAIL 24h', 'SMS 24h', 'EMAIL 2h', 'SMS 2h'])
    await clinic.settings.createPreferences({ type: 'PATIENT', id: ada.id }, { emailReminders: [5] })
    expect(await offsets('surgery')).toEqual(['EMAIL 5h', 'SMS 3h'])
  })

  it('are those of a kind from a column of fixed width', async () => {
    await using clinic = await openClinic(now)
    await clinic.settings.createOrganizationSettings(organizationId, settings)
    clinic.host.book({ id: 1, startsAt, kind: 'surgery   ', recipients: [byMail] })
    const { reminders } = await clinic.notifications.plan(1)
    expect(reminders.map(({ offset }) => offset)).toEqual(['7d', '24h'])
  })

  it('change with the kind of an appointment that is moved', async () => {
    await using clinic = await openClinic(now)
    await clinic.settings.createOrganizationSettings(organizationId, settings)
    clinic.host.book({ id: 1, startsAt, recipients: [byMail] })
    await clinic.notifications.scheduleReminders(1)
    clinic.host.change(1, { startsAt: new Date('2030-01-16T19:00:00Z'), kind: 'surgery' })
    await clinic.notifications.appointmentRescheduled(1, { notify: false })
    const rows = await clinic.notifications.getReminders(1)
    const pending = rows.filter(({ status }) => status === 'PENDING')
    expect(pending.map(({ offset, startsAt }) => `${offset} ${startsAt.toISOString()}`)).toEqual([
      '7d 2030-01-16T19:00:00.000Z',
      '24h 2030-01-16T19:00:00.000Z',
    ])
  })

  it('are refused where two are about the same kind and channel: one would be lost', async () => {
    await using clinic = await openClinic(now)
    const twice = [
      { kind: 'surgery', reminders: [3] },
      { kind: ' surgery ', reminders: [5] },
    ]
    await expect(
      clinic.settings.createOrganizationSettings(organizationId, { remindersByKind: twice }),
    ).rejects.toMatchObject({ code: 'invalid_input', issues: [{ field: 'remindersByKind[1]' }] })
  })

  it('are sent at their time', async () => {
    await using clinic = await openClinic(now)
    await clinic.settings.createOrganizationSettings(organizationId, settings)
    clinic.host.book({ id: 1, startsAt, kind: 'surgery' })
    await clinic.start()
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo('2030-01-08T19:01:00Z')
    expect(clinic.sentTo()).toEqual(['EMAIL ada@example.org'])
    await clinic.clock.advanceTo('2030-01-15T18:59:00Z')
    expect(clinic.sentTo()).toEqual(['EMAIL ada@example.org', 'EMAIL ada@example.org', 'SMS +14155550123'])
  })
})
