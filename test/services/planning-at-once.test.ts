/** Plannings that wait in the middle, while others go on: what is older must not be written over what is newer. */
import { describe, expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import type { Storage } from '../../src/index.ts'
import { ada, openClinic } from '../support/clinic.ts'

const now = '2026-03-01T12:00:00Z'
const start = new Date('2026-03-10T12:00:00Z')
const byMail = { ...ada, phone: null }

/** Has the next call wait until it is let go; the calls after it pass. */
function gate() {
  let open = () => {}
  let waits = false
  return {
    close: () => {
      waits = true
    },
    open: () => open(),
    pass: async () => {
      if (!waits) return
      waits = false
      await new Promise<void>((resolve) => {
        open = resolve
      })
    },
  }
}

/** The storage, where reading plans takes as long as `pass`. */
const withSlowPlans = (storage: Storage, pass: () => Promise<void>): Storage => ({
  ...storage,
  plans: {
    ...storage.plans,
    async find(ids) {
      await pass()
      return storage.plans.find(ids)
    },
  },
})

describe('a planning that waits for its plans', () => {
  it('does not write a start that the directory told before', async () => {
    const { close, open, pass } = gate()
    await using clinic = await openClinic(now, { storage: withSlowPlans(sqlite(':memory:'), pass) })
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    close()
    const slow = clinic.reconcile()
    await clinic.settle()
    const earlier = new Date('2026-03-05T12:00:00Z')
    clinic.host.change(1, { startsAt: earlier })
    await clinic.notifications.rescheduleReminders(1)
    open()
    await slow
    const rows = await clinic.notifications.getReminders(1)
    expect(rows.filter((row) => row.status === 'PENDING').map((row) => row.reminderTime)).toEqual([
      new Date('2026-03-04T12:00:00Z'),
    ])
  })

  it('does not cancel what came back after the directory no longer knew it', async () => {
    const { close, open, pass } = gate()
    let finds = 0
    const storage = withSlowPlans(sqlite(':memory:'), async () => {
      finds += 1
      // The first one looks back; the second one is asked before what is gone is cancelled.
      if (finds === 2) close()
      await pass()
    })
    await using clinic = await openClinic(now, { storage })
    const booked = clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    clinic.host.appointmentRows.delete(1)
    finds = 0
    const slow = clinic.reconcile()
    await clinic.settle()
    expect(finds).toBe(2)
    clinic.host.appointmentRows.set(1, { ...booked, startsAt: new Date('2026-03-11T12:00:00Z') })
    await clinic.notifications.rescheduleReminders(1)
    open()
    await slow
    const rows = await clinic.notifications.getReminders(1)
    expect(rows.map((row) => row.status)).toContain('PENDING')
  })
})
