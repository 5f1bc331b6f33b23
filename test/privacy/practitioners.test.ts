import { expect, it } from 'vitest'
import { storeOn } from '../../src/records/store.ts'
import { organizationId } from '../support/clinic.ts'
import { doctor, onBoth, open, rested, soon, zerlina } from './person.ts'

const appointments = 120
const practitioner = { type: 'PRACTITIONER', id: 5 } as const

onBoth('a practitioner with many appointments', (place_) => {
  it('is forgotten in steps', async () => {
    await using place = place_()
    const store = storeOn(place.storage())
    const parts: number[] = []
    const plans: typeof store.plans = {
      ...store.plans,
      forgetRecipient(recipient, at, by, part) {
        parts.push(part === undefined ? Number.POSITIVE_INFINITY : part.plans.length + part.messages.length)
        return store.plans.forgetRecipient(recipient, at, by, part)
      },
    }
    await using clinic = await open(place, { storage: { ...store, plans } })
    await clinic.settings.updateOrganizationSettings(organizationId, { practitionerNotifications: ['REMINDER'] })
    const ids = Array.from({ length: appointments }, (_, index) => index + 1)
    for (const id of ids) {
      clinic.host.book({ id, startsAt: soon, recipients: [{ ...zerlina, id: 1000 + id, phone: null }, doctor] })
    }
    await clinic.notifications.scheduleMany(ids, { customReminders: [2] })
    // One message that waits, and is of no reminder.
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CANCELLATION' })
    const { cancelled } = await clinic.notifications.recipientDeleted(practitioner)
    expect(cancelled).toBe(appointments)
    expect(Math.max(...parts)).toBeLessThanOrEqual(50)
    expect(parts.reduce((sum, one) => sum + one, 0)).toBeGreaterThanOrEqual(appointments)
    expect(await clinic.notifications.recipientDeleted(practitioner)).toEqual({ cancelled: 0, inFlight: 0 })
    const reminders = await clinic.notifications.getReminders(120)
    expect(reminders.map(({ recipient, status }) => [recipient.type, status])).toEqual([
      ['PATIENT', 'PENDING'],
      ['PRACTITIONER', 'CANCELLED'],
    ])
    await clinic.start()
    await rested(clinic)
    expect(clinic.sentTo()).not.toContain(`EMAIL ${doctor.email}`)
  })
})
