import { describe, expect, it } from 'vitest'
import { ada, openClinic } from '../support/clinic.ts'

const now = '2026-03-18T12:00:00Z'
const start = new Date('2026-03-20T15:00:00Z')
const byMail = { ...ada, phone: null }
const minute = 60_000

describe('a directory that answers badly', () => {
  it('for a while puts the reminder off, and loses nothing', async () => {
    await using clinic = await openClinic('2026-03-19T14:59:00Z')
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.start()
    clinic.host.change(1, { timeZone: 'Mars/Olympus' })
    await clinic.clock.advance(30 * minute)
    expect(clinic.outbox.sent).toEqual([])
    clinic.host.change(1, { timeZone: 'America/New_York' })
    await clinic.clock.advance(10 * minute)
    expect(clinic.outbox.sent).toHaveLength(1)
  })

  it('with ids as text does not make appointments gone', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start })
    const { host } = clinic
    host.appointments = async () => [{ ...host.book({ id: 1, startsAt: start }), id: '1' }]
    await expect(clinic.notifications.scheduleReminders(1)).rejects.toMatchObject({ code: 'directory_invalid' })
  })

  it('about the language of one recipient stops nobody', async () => {
    await using clinic = await openClinic(now)
    const odd = { ...byMail, locale: 'en_US', name: 'x'.repeat(300) }
    const lost = {
      ...byMail,
      type: 'CLIENT',
      id: 5,
      email: 'five@example.org',
      locale: '??',
      timeZone: 'nowhere',
    } as const
    clinic.host.book({ id: 1, startsAt: start, recipients: [odd, lost] })
    const { reminders } = await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    expect(reminders).toHaveLength(2)
  })
})
