/** Plannings that wait in the middle, while others go on: what is older must not be written over what is newer. */
import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/records/store.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { sqlite } from '../support/stores.ts'

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
const withSlowPlans = (storage: Store, pass: () => Promise<void>): Store => ({
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

/** A clinic with one appointment, where asking the host for its organizations takes as long as the gate is closed. */
async function withSlowOrganizations() {
  const clinic = await openClinic(now)
  const { close, open, pass } = gate()
  const organizations = clinic.host.organizations.bind(clinic.host)
  clinic.host.organizations = async (ids) => {
    await pass()
    return organizations(ids)
  }
  clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
  const planned = async () =>
    (await clinic.notifications.getReminders(1)).filter((row) => row.status === 'PENDING').map((row) => row.offset)
  return { clinic, close, open, planned }
}

const patient = { type: 'PATIENT', id: ada.id } as const

describe('a planning that waits after it has read who wants what', () => {
  it('does not withdraw what an opt-in meanwhile brought', async () => {
    const { clinic, close, open, planned } = await withSlowOrganizations()
    await using _ = clinic
    await clinic.settings.createPreferences(patient, { emailEnabled: false })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.start()
    await clinic.settle()
    expect(await planned()).toEqual([])
    close()
    const slow = clinic.notifications.rescheduleReminders(1)
    await clinic.settle()
    await clinic.settings.updatePreferences(patient, { emailEnabled: true })
    await clinic.clock.advance(1000)
    await clinic.settle()
    expect(await planned()).toEqual(['24h'])
    open()
    expect((await slow).reminders.map((row) => row.status)).toEqual(['PENDING'])
    expect(await planned()).toEqual(['24h'])
    await clinic.clock.advanceTo('2026-03-10T12:00:00Z')
    await clinic.settle()
    expect(clinic.outbox.sent).toHaveLength(1)
  })

  it('does not plan by what the organization wanted before', async () => {
    const { clinic, close, open, planned } = await withSlowOrganizations()
    await using _ = clinic
    await clinic.start()
    close()
    const slow = clinic.notifications.scheduleReminders(1)
    await clinic.settle()
    // The re-plan of this finds no plan yet.
    await clinic.settings.createOrganizationSettings(organizationId, { defaultEmailReminders: [48] })
    await clinic.clock.advance(1000)
    await clinic.settle()
    open()
    await slow
    expect(await planned()).toEqual(['48h'])
  })

  it('cancels all the same when a patient opts in: a cancellation asks nobody', async () => {
    const { clinic, close, open, planned } = await withSlowOrganizations()
    await using _ = clinic
    await clinic.notifications.scheduleReminders(1)
    await clinic.start()
    close()
    const slow = clinic.notifications.appointmentCancelled(1, { notify: false })
    await clinic.settle()
    await clinic.settings.createPreferences(patient, { emailEnabled: true })
    open()
    await slow
    expect(await planned()).toEqual([])
  })
})
