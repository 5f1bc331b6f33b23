import { expect, it } from 'vitest'
import type { NewReminder } from '../../../src/index.ts'
import { dueDeliveries, dueReminders, minutes, type Starter, t0 } from './harness.ts'
import {
  about,
  applied,
  client,
  commit,
  newDelivery,
  newReminder,
  nextPlan,
  organizationId,
  patient,
  planCommand,
  planned,
  planOne,
  planRow,
  queue,
  queuedEntry,
  reminderWork,
  startsAt,
} from './rows.ts'

const four: readonly NewReminder[] = (['EMAIL', 'SMS'] as const).flatMap((channel) => [
  newReminder({ channel, offset: '24h', reminderTime: t0, hoursBefore: 24 }),
  newReminder({ channel, offset: '30m', reminderTime: minutes(-30, startsAt), hoursBefore: 0.5 }),
])

export function planning({ migrated }: Starter): void {
  it('stores a plan as it was given', async () => {
    const { storage } = await migrated()
    const plan = planRow({ customReminders: [24, 0.5, '1d@18:00'], recipients: [patient, client], revision: 7 })
    await storage.plans.apply([planCommand({ plan })])
    expect(await storage.plans.get(organizationId, 100)).toEqual(plan)
    expect(await storage.plans.find([100, 101])).toEqual([plan])
    expect(await storage.plans.get('another-organization', 100)).toBeNull()
    expect(await storage.plans.get(organizationId, 101)).toBeNull()
  })

  it('creates what is wanted as PENDING, due at its time', async () => {
    const { storage } = await migrated()
    const [outcome] = await storage.plans.apply([planCommand({ reminders: four })])
    const { created, kept, cancelled, inFlight } = applied(outcome)
    expect({ kept, cancelled, inFlight }).toEqual({ kept: [], cancelled: [], inFlight: 0 })
    const stored = await storage.reminders.list(organizationId, 100)
    expect(stored).toEqual(
      [...created].sort((a, b) => a.reminderTime.getTime() - b.reminderTime.getTime() || a.id - b.id),
    )
    expect(stored.map((row) => row.dueAt)).toEqual(stored.map((row) => row.reminderTime))
    expect(stored[0]).toEqual({
      ...newReminder(),
      id: stored[0]?.id,
      organizationId,
      appointmentId: 100,
      status: 'PENDING',
      subject: null,
      message: null,
      reason: null,
      sentAt: null,
      errorMessage: null,
      dueAt: t0,
      heldAt: null,
      notificationId: null,
      taskManagerTaskId: null,
      taskManagerExecutionId: null,
      createdAt: t0,
      updatedAt: t0,
    })
    expect(stored.at(-1)?.hoursBefore).toBe(0.5)
  })

  it('changes nothing when the same is planned again', async () => {
    const { storage } = await migrated()
    await storage.plans.apply([planCommand({ reminders: four })])
    const before = await storage.reminders.list(organizationId, 100)
    const [outcome] = await storage.plans.apply([nextPlan(1, { reminders: [...four, ...four] })])
    expect(applied(outcome)).toMatchObject({ created: [], cancelled: [], inFlight: 0 })
    expect(applied(outcome).kept).toHaveLength(4)
    expect(await storage.reminders.list(organizationId, 100)).toEqual(before)
  })

  it('reads the rows of several appointments at once, as one by one', async () => {
    const { storage } = await migrated()
    const [here, other] = [organizationId, 'another-organization']
    await storage.plans.apply([
      planCommand({ reminders: four }),
      planCommand({ plan: planRow({ appointmentId: 101 }), reminders: four }),
      planCommand({ plan: planRow({ organizationId: other, appointmentId: 102 }), reminders: [newReminder()] }),
    ])
    await storage.plans.apply([nextPlan(1, { reminders: [newReminder()] })])
    const asked = [
      { organizationId: here, appointmentId: 100 },
      { organizationId: other, appointmentId: 102 },
      // Of another organization, and of nobody.
      { organizationId: other, appointmentId: 101 },
      { organizationId: here, appointmentId: 999 },
    ]
    const rows = Map.groupBy(await storage.reminders.listMany(asked), (row) => row.appointmentId)
    expect([...rows.keys()].sort()).toEqual([100, 102])
    expect(rows.get(100)).toEqual(await storage.reminders.list(here, 100))
    expect(rows.get(100)?.map(({ status }) => status)).toContain('CANCELLED')
    expect(rows.get(102)).toEqual(await storage.reminders.list(other, 102))
    expect(await storage.reminders.listMany([])).toEqual([])
  })

  it('inserts a reminder that is wanted twice in one command once', async () => {
    const { storage } = await migrated()
    const [outcome] = await storage.plans.apply([planCommand({ reminders: [newReminder(), newReminder()] })])
    expect(applied(outcome).created).toHaveLength(1)
    expect(await storage.reminders.list(organizationId, 100)).toHaveLength(1)
  })

  it('tells recipients of one number but another type, channels and offsets apart', async () => {
    const { storage } = await migrated()
    const reminders = [
      newReminder(),
      newReminder({ recipient: client }),
      newReminder({ channel: 'SMS' }),
      newReminder({ offset: '1d' }),
    ]
    const [outcome] = await storage.plans.apply([planCommand({ reminders })])
    expect(applied(outcome).created).toHaveLength(4)
  })

  it('does nothing when the revision is not the expected one', async () => {
    const { storage } = await migrated()
    await planOne(storage)
    const stale = [nextPlan(2, { reminders: [] }), nextPlan(0, { reminders: [] }), planCommand({ reminders: [] })]
    expect(await storage.plans.apply(stale)).toEqual(stale.map(() => ({ status: 'conflict' })))
    expect(await storage.plans.apply([nextPlan(5, { plan: planRow({ appointmentId: 999 }) })])).toEqual([
      { status: 'conflict' },
    ])
    expect(await storage.plans.get(organizationId, 100)).toEqual(planRow())
    expect(await storage.plans.get(organizationId, 999)).toBeNull()
    expect(await storage.reminders.list(organizationId, 100)).toMatchObject([{ status: 'PENDING' }])
    expect(await storage.decisions.list(organizationId, 100)).toHaveLength(1)
  })

  it('does not let one conflict stop the others', async () => {
    const { storage } = await migrated()
    await planOne(storage)
    const other = planCommand({ plan: planRow({ appointmentId: 101 }) })
    const outcomes = await storage.plans.apply([planCommand(), other, nextPlan(1)])
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['conflict', 'applied', 'applied'])
  })

  it('replaces what is pending when the appointment moves', async () => {
    const { storage } = await migrated()
    await storage.plans.apply([planCommand({ reminders: four })])
    const moved = minutes(60, startsAt)
    const [outcome] = await storage.plans.apply([
      nextPlan(1, {
        plan: planRow({ startsAt: moved, revision: 2 }),
        reminders: four.map((reminder) => ({ ...reminder, startsAt: moved })),
        supersededBy: 'appointment_moved',
      }),
    ])
    const { created, cancelled } = applied(outcome)
    expect(created).toHaveLength(4)
    expect(cancelled).toHaveLength(4)
    for (const row of cancelled) {
      expect(row).toMatchObject({ status: 'CANCELLED', reason: 'appointment_moved', dueAt: null })
      expect(await storage.reminders.get(row.id)).toEqual(row)
    }
    expect((await storage.plans.get(organizationId, 100))?.startsAt).toEqual(moved)
    expect(await dueReminders(storage, minutes(100_000), 100)).toHaveLength(4)
  })

  it('plans anew what was cancelled, and keeps the cancelled rows', async () => {
    const { storage } = await migrated()
    const first = await planOne(storage)
    for (const revision of [1, 3, 5]) {
      await storage.plans.apply([nextPlan(revision, { reminders: [], supersededBy: 'cancelled_by_request' })])
      await storage.plans.apply([nextPlan(revision + 1)])
    }
    const rows = await storage.reminders.list(organizationId, 100)
    expect(rows.map((row) => row.status).sort()).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED', 'PENDING'])
    expect(rows.find((row) => row.id === first)).toMatchObject({ status: 'CANCELLED', reason: 'cancelled_by_request' })
  })

  it('queues the notices and writes the decisions with it, or none of it', async () => {
    const { storage } = await migrated()
    const command = planCommand({ notifications: [newDelivery({ dedupeKey: 'a' })] })
    const [outcome] = await storage.plans.apply([command])
    expect(applied(outcome).notifications).toMatchObject([{ state: 'queued', category: 'CONFIRMATION', dueAt: t0 }])
    expect(await dueDeliveries(storage, t0, 10)).toEqual(applied(outcome).notifications)
    expect(await storage.decisions.list(organizationId, 100)).toMatchObject([
      { at: t0, entries: [planned, { ...queuedEntry, notificationId: applied(outcome).notifications[0]?.id }] },
    ])
    await storage.plans.apply([{ ...command, notifications: [newDelivery({ dedupeKey: 'b' })] }])
    expect(await dueDeliveries(storage, t0, 10)).toHaveLength(1)
    const [again] = await storage.plans.apply([
      nextPlan(1, { notifications: [newDelivery({ dedupeKey: 'a' })], decision: [] }),
    ])
    expect(applied(again).notifications).toEqual([])
    const records = await storage.decisions.list(organizationId, 100)
    expect(records.slice(1)).toMatchObject([{ entries: [{ action: 'skipped', rule: 'duplicate' }] }])
    await storage.plans.apply([nextPlan(2, { decision: [] })])
    expect(await storage.decisions.list(organizationId, 100)).toHaveLength(2)
  })

  it('lists what is due, earliest first, no more than asked for', async () => {
    const { storage } = await migrated()
    const times = [5, 3, 9, 1, 7]
    await storage.plans.apply(
      times.map((at, index) =>
        planCommand({
          plan: planRow({ appointmentId: 200 + index }),
          reminders: [newReminder({ reminderTime: minutes(at) })],
        }),
      ),
    )
    expect((await dueReminders(storage, minutes(7), 10)).map((row) => row.dueAt)).toEqual(
      [1, 3, 5, 7].map((at) => minutes(at)),
    )
    expect((await dueReminders(storage, minutes(7), 2)).map((row) => row.appointmentId)).toEqual([203, 201])
    expect(await dueReminders(storage, t0, 10)).toEqual([])
    expect(await storage.deliveries.nextDueAt()).toEqual(minutes(1))
    await storage.deliveries.enqueue(
      [newDelivery({ dueAt: minutes(-5) })],
      { organizationId, appointmentId: null, waitlistEntryId: null, entries: [] },
      t0,
    )
    expect(await storage.deliveries.nextDueAt()).toEqual(minutes(-5))
  })

  it('tells the times at which something becomes due, each once, in a window', async () => {
    const { storage } = await migrated()
    expect(await storage.deliveries.dueTimes(t0, minutes(60), 10)).toEqual([])
    await storage.plans.apply(
      [5, 3, 0, 3, 9, 3].map((at, index) =>
        planCommand({
          plan: planRow({ appointmentId: 200 + index }),
          reminders: [newReminder({ reminderTime: minutes(at) })],
        }),
      ),
    )
    await queue(storage, [newDelivery({ dueAt: minutes(4) }), newDelivery({ dueAt: minutes(5), appointmentId: 101 })])
    const times = async (from: number, to: number, limit = 10) =>
      (await storage.deliveries.dueTimes(minutes(from), minutes(to), limit)).map((at) => at.getTime())
    const at = (...ones: number[]) => ones.map((one) => minutes(one).getTime())
    expect(await times(-1, 60)).toEqual(at(0, 3, 4, 5, 9))
    // What is due at its beginning is not in the window, what is due at its end is.
    expect(await times(0, 5)).toEqual(at(3, 4, 5))
    expect(await times(0, 60, 2)).toEqual(at(3, 4))
    expect(await times(4, 60, 2)).toEqual(at(5, 9))
    expect(await times(9, 60)).toEqual([])
    const [over] = await storage.reminders.list(organizationId, 204)
    await commit(storage, { kind: 'cancel', rule: 'replanned', work: reminderWork(over?.id ?? 0), decision: about() })
    expect(await times(5, 60)).toEqual([])
  })

  it('lists the due reminders of an appointment together, also past the limit', async () => {
    const { storage } = await migrated()
    const reminders = [1, 6, 9].map((at) => newReminder({ offset: `${at}h`, reminderTime: minutes(at) }))
    const between = planCommand({
      plan: planRow({ appointmentId: 101 }),
      reminders: [newReminder({ reminderTime: minutes(2) })],
    })
    await storage.plans.apply([planCommand({ reminders }), between])
    const due = await dueReminders(storage, minutes(7), 1)
    expect(due.map((row) => [row.appointmentId, row.offset])).toEqual([
      [100, '1h'],
      [100, '6h'],
    ])
    expect(await dueReminders(storage, minutes(7), 2)).toHaveLength(3)
  })

  it('has nothing due where nothing is planned', async () => {
    const { storage } = await migrated()
    expect(await storage.deliveries.nextDueAt()).toBeNull()
    expect(await dueReminders(storage, minutes(1_000_000), 10)).toEqual([])
    expect(await storage.reminders.get(1)).toBeNull()
    expect(await storage.plans.apply([])).toEqual([])
  })

  it('leaves nothing of a command that fails half-way, and nothing else undone', async () => {
    const { storage } = await migrated()
    await planOne(storage)
    // No row can hold a time that is none: the first reminder is written when the second one fails.
    const broken = nextPlan(1, {
      reminders: [newReminder({ offset: '2h' }), newReminder({ offset: '3h', startsAt: new Date(Number.NaN) })],
      decision: [planned],
    })
    const fine = (appointmentId: number) => storage.plans.apply([planCommand({ plan: planRow({ appointmentId }) })])
    const [before, failed, after] = await Promise.allSettled([fine(101), storage.plans.apply([broken]), fine(102)])
    expect(before.status).toBe('fulfilled')
    expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'storage_failed' } })
    expect(after.status).toBe('fulfilled')
    expect(await storage.plans.find([100, 101, 102])).toHaveLength(3)
    expect(await storage.plans.get(organizationId, 100)).toEqual(planRow())
    expect(await storage.reminders.list(organizationId, 100)).toMatchObject([{ status: 'PENDING', offset: '24h' }])
    expect(await storage.decisions.list(organizationId, 100)).toHaveLength(1)
  })
}
