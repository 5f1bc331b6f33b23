import { describe, expect, it } from 'vitest'
import { ada, openClinic } from '../support/clinic.ts'

const now = '2026-03-18T12:00:00Z'
const start = new Date('2026-03-20T15:00:00Z')
const byMail = { ...ada, phone: null }

describe('explaining', () => {
  it('goes on after the appointment was deleted', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.start()
    await clinic.notifications.appointmentBooked(1)
    await clinic.settle()
    clinic.host.appointmentRows.delete(1)
    await clinic.notifications.appointmentDeleted(1)
    expect((await clinic.notifications.getReminders(1)).map((row) => row.status)).toEqual(['CANCELLED', 'CANCELLED'])
    const rules = (await clinic.notifications.explain(1)).map((line) => line.rule)
    expect(rules).toContain('appointment_gone')
  })

  it('tells that a notice was superseded', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.notifications.appointmentBooked(1)
    clinic.host.change(1, { status: 'cancelled' })
    await clinic.notifications.appointmentCancelled(1)
    const line = (await clinic.notifications.explain(1)).find((one) => one.rule === 'superseded')
    expect(line).toMatchObject({ action: 'cancelled', category: 'CONFIRMATION' })
  })
})
