import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { ada, openClinic } from '../support/clinic.ts'

const couple = [ada, { ...ada, id: 13, name: 'Ben Byron', email: 'ben@example.org', phone: '+14155550124' }]

describe('an account that takes fewer sends at a time than an appointment has reminders due', () => {
  it('gets them one after the other, and those of other appointments too', async () => {
    const outbox = capture()
    await using clinic = await openClinic('2026-03-01T12:00:00Z', { transports: [{ ...outbox, concurrency: 1 }] })
    for (const id of [1, 2, 3]) {
      clinic.host.book({ id, startsAt: new Date('2026-03-03T12:00:00Z'), recipients: couple })
    }
    await clinic.notifications.scheduleMany([1, 2, 3], { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advanceTo('2026-03-02T12:01:00Z')
    await clinic.settle()
    expect(outbox.sent).toHaveLength(12)
  })
})
