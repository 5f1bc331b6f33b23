/** What `notifications.using(transaction)` promises, over every kind of transaction that a host may have. */
import { afterEach, describe, expect, it } from 'vitest'
import type { DirectoryAppointment } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { openClinic, organizationId } from '../../support/clinic.ts'
import type { OpenHost } from './host.ts'

const now = '2026-03-02T09:00:00.000Z'
const visit = (change: Partial<DirectoryAppointment> = {}): DirectoryAppointment => ({
  id: 1,
  organizationId,
  startsAt: '2026-03-05T14:00',
  timeZone: 'Europe/Berlin',
  recipients: [{ type: 'PATIENT', id: 12, name: 'Ada Byron', email: 'ada@example.org' }],
  ...change,
})

export function usingConformance(name: string, openHost: OpenHost): void {
  describe(`using(): ${name}`, () => {
    const ends: (() => Promise<void>)[] = []
    afterEach(async () => {
      for (const end of ends.splice(0).reverse()) await end()
    })

    /** The library in a host whose directory fails at every call. */
    async function open() {
      const host = await openHost()
      ends.push(host.dispose)
      const clinic = await openClinic(now, { storage: host.storage })
      ends.push(async () => void (await clinic.stop()))
      clinic.host.fault = new Error('the directory was asked')
      const another = () => {
        const storage = host.another()
        if (storage !== host.storage) ends.push(() => storage.close())
        return storage
      }
      const names = () => clinic.told.map((one) => one.name)
      return { ...clinic, db: host, another, names, using: clinic.notifications.using.bind(clinic.notifications) }
    }

    const rowsOf = async (storage: Store, id = 1) => ({
      plans: await storage.plans.find([id]),
      reminders: (await storage.reminders.list(organizationId, id)).map(({ status, offset }) => `${status} ${offset}`),
      notices: (await storage.deliveries.list({ appointmentId: id, limit: 50, offset: 0 })).rows.map(
        ({ category, state }) => `${category} ${state}`,
      ),
      decisions: (await storage.decisions.list(organizationId, id)).length,
    })
    const nothing = { plans: [], reminders: [], notices: [], decisions: 0 }

    it('pain 8: commits the row of the host and its reminders together, and tells afterwards', async () => {
      const { db, using, names, another } = await open()
      const opened = await db.begin()
      await opened.addVisit(1)
      const inside = using(opened.transaction)
      const result = await inside.appointmentBooked(visit())
      expect(result.reminders.map(({ offset, status }) => `${status} ${offset}`)).toEqual(['PENDING 24h', 'PENDING 2h'])
      expect(result.notifications.map(({ category }) => category)).toEqual(['CONFIRMATION'])
      expect(names()).toEqual([])
      await opened.commit()
      expect(await db.visits()).toEqual([1])
      expect(await rowsOf(another())).toMatchObject({
        plans: [{ status: 'active' }],
        reminders: ['PENDING 24h', 'PENDING 2h'],
        notices: ['CONFIRMATION queued'],
        decisions: 1,
      })
      expect(names()).toEqual([])
      inside.committed()
      // No phone number: no SMS.
      expect(names()).toEqual(['reminder.scheduled', 'reminder.scheduled', 'reminder.skipped'])
      inside.committed()
      expect(names()).toHaveLength(3)
    })

    it('leaves nothing after a rollback, and the next transaction plans afresh', async () => {
      const { db, using, names, another } = await open()
      const first = await db.begin()
      await first.addVisit(1)
      await using(first.transaction).appointmentBooked(visit())
      await first.rollback()
      expect(await db.visits()).toEqual([])
      expect(await rowsOf(another())).toEqual(nothing)
      const second = await db.begin()
      const inside = using(second.transaction)
      await inside.scheduleReminders(visit(), { customReminders: ['3h'] })
      await second.commit()
      inside.committed()
      expect(await rowsOf(another())).toMatchObject({ reminders: ['PENDING 3h'], notices: [], decisions: 1 })
      expect(names()).toEqual(['reminder.scheduled', 'reminder.skipped'])
    })

    it('shows nobody what is not committed', async () => {
      const { db, using, another } = await open()
      const outside = another()
      const opened = await db.begin()
      await using(opened.transaction).scheduleReminders(visit())
      // A database in memory that is shared has one connection: there reading waits for the host's end.
      const read = rowsOf(outside)
      if (outside !== db.storage) expect(await read).toEqual(nothing)
      await opened.commit()
      if (outside === db.storage) expect(await read).toMatchObject({ reminders: ['PENDING 24h', 'PENDING 2h'] })
    })

    it('carries several calls in one transaction, each on what the one before left', async () => {
      const { db, using, names, another } = await open()
      const opened = await db.begin()
      const inside = using(opened.transaction)
      await inside.appointmentBooked(visit())
      const moved = await inside.appointmentRescheduled(visit({ startsAt: '2026-03-05T15:00' }))
      expect(moved).toMatchObject({ cancelled: 2, inFlight: 0 })
      // Handed over once more, and both at once: one connection answers one after another.
      const again = using(opened.transaction)
      const [second, third] = await Promise.all([
        again.appointmentBooked(visit({ id: 2 })),
        inside.scheduleReminders(visit({ id: 3 })),
      ])
      expect([second.reminders.length, third.reminders.length]).toEqual([2, 2])
      expect(await again.cancelReminders(3)).toEqual({ cancelled: 2, inFlight: 0 })
      expect(await again.cancelReminders(99)).toEqual({ cancelled: 0, inFlight: 0 })
      await opened.commit()
      inside.committed()
      again.committed()
      const storage = another()
      expect(await rowsOf(storage)).toMatchObject({
        reminders: ['CANCELLED 24h', 'PENDING 24h', 'CANCELLED 2h', 'PENDING 2h'],
        notices: ['RESCHEDULE queued', 'CONFIRMATION cancelled'],
      })
      expect((await rowsOf(storage, 2)).reminders).toEqual(['PENDING 24h', 'PENDING 2h'])
      expect((await rowsOf(storage, 3)).reminders).toEqual(['CANCELLED 24h', 'CANCELLED 2h'])
      expect(names().filter((one) => one === 'reminder.cancelled')).toHaveLength(4)
    })

    it('cancels and forgets what was planned before', async () => {
      const { db, using, another } = await open()
      const first = await db.begin()
      for (const id of [1, 2, 3]) await using(first.transaction).appointmentBooked(visit({ id }))
      await first.commit()
      const second = await db.begin()
      const inside = using(second.transaction)
      const off = await inside.appointmentCancelled(visit({ status: 'cancelled' }))
      expect(off).toMatchObject({ cancelled: 2, notifications: [{ category: 'CANCELLATION' }] })
      expect(await inside.appointmentDeleted(2)).toEqual({ cancelled: 2, inFlight: 0 })
      expect(await inside.recipientDeleted({ type: 'PATIENT', id: 12 })).toEqual({ cancelled: 2, inFlight: 0 })
      await second.commit()
      const storage = another()
      expect((await rowsOf(storage)).reminders).toEqual(['CANCELLED 24h', 'CANCELLED 2h'])
      expect(await rowsOf(storage, 2)).toMatchObject({ plans: [], notices: ['CONFIRMATION cancelled'] })
    })

    it('a refused call leaves the transaction usable, and what went before', async () => {
      const { db, using, another } = await open()
      const opened = await db.begin()
      const inside = using(opened.transaction)
      await opened.addVisit(1)
      await inside.appointmentBooked(visit())
      await expect(inside.appointmentBooked(visit({ id: 2, status: 'completed' }))).rejects.toMatchObject({
        code: 'appointment_not_active',
      })
      await expect(inside.appointmentBooked(visit({ id: 3, timeZone: 'Mars/Base' }))).rejects.toMatchObject({
        code: 'invalid_input',
        field: 'timeZone',
      })
      await expect(inside.scheduleReminders(visit({ id: 'text' }))).rejects.toMatchObject({ code: 'invalid_input' })
      await opened.addVisit(2)
      await inside.appointmentBooked(visit({ id: 2 }))
      await opened.commit()
      expect(await db.visits()).toEqual([1, 2])
      expect((await rowsOf(another(), 2)).reminders).toHaveLength(2)
    })

    it('moves the revision of the plan: who decided on the one before comes too late', async () => {
      const { db, using, another } = await open()
      const first = await db.begin()
      await using(first.transaction).scheduleReminders(visit())
      await first.commit()
      const storage = another()
      const [plan] = await storage.plans.find([1])
      if (plan === undefined) throw new Error('nothing was planned')
      const second = await db.begin()
      await using(second.transaction).rescheduleReminders(visit({ startsAt: '2026-03-07T09:00' }))
      const stale = storage.plans.apply([
        {
          expectedRevision: plan.revision,
          guard: null,
          plan: { ...plan, status: 'cancelled', revision: plan.revision + 1 },
          reminders: [],
          supersededBy: 'appointment_cancelled',
          notifications: [],
          decision: [],
          at: new Date(now),
        },
      ])
      await second.commit()
      expect(await stale).toEqual([{ status: 'conflict' }])
    })

    it('sends at once after committed()', async () => {
      const { db, using, start, host, outbox } = await open()
      await start()
      const opened = await db.begin()
      const inside = using(opened.transaction)
      await inside.appointmentBooked(visit())
      await opened.commit()
      host.fault = null
      host.book({ ...visit(), startsAt: '2026-03-05T14:00' })
      inside.committed()
      await expect.poll(() => outbox.sent.map(({ to }) => to)).toEqual(['ada@example.org'])
      // Rendered with what the directory said at sending.
      expect(outbox.sent[0]?.text).toContain('Harbour Clinic')
    })

    it('loses nothing without committed(): the sweep finds it', async () => {
      const { db, using, start, host, outbox, clock, names } = await open()
      host.fault = null
      host.book({ ...visit(), startsAt: '2026-03-05T14:00' })
      await start()
      const opened = await db.begin()
      await using(opened.transaction).appointmentBooked(visit())
      await opened.commit()
      await clock.advance(sweepMs)
      await expect.poll(() => outbox.sent.map(({ to }) => to)).toEqual(['ada@example.org'])
      expect(names()).not.toContain('reminder.scheduled')
    })

    it('refuses what has ended, and what is no transaction of this database', async () => {
      const { db, using } = await open()
      const opened = await db.begin()
      const inside = using(opened.transaction)
      await inside.scheduleReminders(visit())
      await opened.commit()
      await expect(inside.scheduleReminders(visit({ id: 2 }))).rejects.toMatchObject({ code: 'transaction_refused' })
      await expect(using(opened.transaction).cancelReminders(1)).rejects.toMatchObject({ code: 'transaction_refused' })
      expect(await db.visits()).toEqual([])
      for (const stranger of [null, undefined, 7, {}, { query: 1 }]) {
        // @ts-expect-error: a host in JavaScript may hand over anything
        expect(() => using(stranger)).toThrow(expect.objectContaining({ code: 'transaction_refused' }))
      }
    })
  })
}

const sweepMs = 6 * 3_600_000
