import { describe, expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
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
  it('has its settings read once a sweep, however much waits for it', async () => {
    const storage = sqlite(':memory:')
    let reads = 0
    const settings = {
      ...storage.settings,
      get(ids: readonly string[]) {
        reads += 1
        return storage.settings.get(ids)
      },
    }
    const silent = Promise.withResolvers<never>()
    const transport = { ...capture(), concurrency: 1, send: () => silent.promise }
    await using clinic = await openClinic('2026-03-02T11:59:58Z', {
      storage: { ...storage, settings },
      transports: [transport],
      sweepMs: 5000,
    })
    for (const id of [1, 2, 3]) clinic.host.book({ id, startsAt: new Date('2026-03-03T12:00:00Z'), recipients: [ada] })
    await clinic.notifications.scheduleMany([1, 2, 3], { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advanceTo('2026-03-02T12:00:01Z')
    await clinic.settle()
    reads = 0
    await clinic.clock.advance(20_000)
    await clinic.settle()
    expect(reads).toBe(4)
  })
})
