import { expect, it } from 'vitest'
import type { Store } from '../../../src/records/store.ts'
import { dueDeliveries, minutes, type Starter, t0 } from './harness.ts'
import {
  about,
  client,
  commit,
  deliveryWork,
  failure,
  guard,
  newDelivery,
  organizationId,
  patient,
  queue,
  queuedEntry,
  sendIntent,
  settleCommand,
} from './rows.ts'

export function notices({ migrated }: Starter): void {
  it('queues a notice as it was given', async () => {
    const { storage } = await migrated()
    const { entry, ...notice } = newDelivery({ dedupeKey: 'confirmed:1', dueAt: minutes(3), waitlistEntryId: 9 })
    const [row] = await queue(storage, [{ ...notice, entry }])
    expect(row).toMatchObject({
      ...notice,
      status: null,
      state: 'queued',
      attempts: 0,
      fence: 0,
      createdAt: t0,
      reminderId: null,
    })
    expect(await storage.deliveries.get(row?.id ?? 0)).toEqual(row)
    expect(await dueDeliveries(storage, minutes(2.9), 10)).toEqual([])
    expect(await dueDeliveries(storage, minutes(3), 10)).toEqual([row])
  })

  it('gives the notices of an appointment, newest first, whatever became of them', async () => {
    const { storage } = await migrated()
    const notice = (changes: Parameters<typeof newDelivery>[0]) => queue(storage, [newDelivery(changes)])
    const [first] = await notice({ category: 'CONFIRMATION', dedupeKey: 'a' })
    const [second] = await notice({ category: 'RESCHEDULE', dedupeKey: 'b' })
    await notice({ category: 'RESCHEDULE', organizationId: 'another', dedupeKey: 'c' })
    await notice({ category: 'WAITLIST', appointmentId: null, waitlistEntryId: 9, dedupeKey: 'd' })
    const [third] = await notice({ category: 'CANCELLATION', dedupeKey: 'e', recipient: client })
    const found = await storage.deliveries.notices(organizationId, first?.appointmentId ?? 0)
    expect(found.map(({ id }) => id)).toEqual([third?.id, second?.id, first?.id])
    expect(found[1]).toEqual(second)
    expect(found[2]).toMatchObject({ state: 'cancelled', reason: 'superseded' })
    expect(await storage.deliveries.notices(organizationId, 4711)).toEqual([])
  })

  it('takes a dedupe key once in an organization, and null always', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    const twice = [
      newDelivery({ dedupeKey: 'k', category: 'WAITLIST' }),
      newDelivery({ dedupeKey: 'k', category: 'WAITLIST' }),
    ]
    const rows = await Promise.all([queue(storage, twice), queue(other, twice), queue(storage, twice)])
    expect(rows.flat()).toHaveLength(1)
    expect(await queue(storage, [newDelivery({ dedupeKey: 'k', organizationId: 'another' })])).toHaveLength(1)
    const free = newDelivery({ category: 'WAITLIST' })
    expect(await queue(storage, [free, free])).toHaveLength(2)
  })

  it('remembers a dedupe key after the notice is cancelled or sent', async () => {
    const { storage } = await migrated()
    const [row] = await queue(storage, [newDelivery({ dedupeKey: 'k' })])
    if (row === undefined) throw new Error('expected a row')
    await commit(storage, { kind: 'cancel', work: deliveryWork(row), decision: about(), rule: 'no_contact' })
    expect(await queue(storage, [newDelivery({ dedupeKey: 'k' })])).toEqual([])
  })

  it('lets a newer notice of the appointment replace the queued ones of the same recipient and channel', async () => {
    const { storage } = await migrated()
    const kept = [
      newDelivery({ channel: 'SMS' }),
      newDelivery({ recipient: client }),
      newDelivery({ appointmentId: 101 }),
      newDelivery({ category: 'WAITLIST' }),
      newDelivery({ organizationId: 'another-organization' }),
    ]
    const [first] = await queue(storage, [newDelivery(), ...kept])
    const [second] = await queue(storage, [newDelivery({ category: 'RESCHEDULE' })], minutes(1))
    expect(await storage.deliveries.get(first?.id ?? 0)).toMatchObject({
      state: 'cancelled',
      reason: 'superseded',
      status: null,
      dueAt: null,
    })
    const [third] = await queue(storage, [newDelivery({ category: 'CANCELLATION' })], minutes(2))
    expect(await storage.deliveries.get(second?.id ?? 0)).toMatchObject({ state: 'cancelled', reason: 'superseded' })
    expect(await storage.deliveries.get(third?.id ?? 0)).toMatchObject({ state: 'queued' })
    const { rows } = await storage.deliveries.list({ state: 'queued', limit: 50, offset: 0 })
    expect(rows).toHaveLength(kept.length + 1)
  })

  it('lets a notice about something else replace nothing', async () => {
    const { storage } = await migrated()
    const [confirmation] = await queue(storage, [newDelivery()])
    await queue(storage, [newDelivery({ category: 'WAITLIST' }), newDelivery({ category: 'REMINDER' })])
    expect(await storage.deliveries.get(confirmation?.id ?? 0)).toMatchObject({ state: 'queued' })
  })

  it('leaves a notice that is being sent', async () => {
    const { storage } = await migrated()
    const [first] = await queue(storage, [newDelivery()])
    if (first === undefined) throw new Error('expected a row')
    await commit(storage, sendIntent(deliveryWork(first), { guard: guard({ plan: null }) }))
    await queue(storage, [newDelivery({ category: 'CANCELLATION' })])
    expect(await storage.deliveries.get(first.id)).toMatchObject({ state: 'sending' })
  })

  const withdrawals = {
    'a newer notice': (storage: Store) => queue(storage, [newDelivery({ category: 'RESCHEDULE' })], minutes(2)),
    'the end of its appointment': (storage: Store) => storage.plans.forgetAppointment(100, [], minutes(2)),
    'the end of its recipient': (storage: Store) => storage.plans.forgetRecipient(patient, minutes(2)),
  }
  for (const [what, withdraw] of Object.entries(withdrawals)) {
    it(`holds one that may have gone out before ${what}, and says of none that it was cancelled`, async () => {
      const { storage } = await migrated()
      const [notice] = await queue(storage, [newDelivery()])
      if (notice === undefined) throw new Error('expected a row')
      const sending = await commit(storage, sendIntent(deliveryWork(notice), { guard: guard({ plan: null }) }))
      const retry = { kind: 'retry', dueAt: minutes(5), ...failure, countAttempt: true, unknown: true } as const
      await storage.deliveries.settle([settleCommand(sending ?? notice, retry)])
      await withdraw(storage)
      expect(await storage.deliveries.get(notice.id)).toMatchObject({
        state: 'unknown',
        status: null,
        reason: null,
        errorCode: 'outcome_unknown',
        attempts: 1,
        dueAt: null,
      })
      const counts = (await storage.statistics.countsByDay({})).map(({ measure, count }) => [measure, count])
      expect(counts.filter(([measure]) => measure !== 'PLANNED')).toEqual([['UNKNOWN', 1]])
      const records = await storage.decisions.list(organizationId, 100)
      expect(records.flatMap(({ entries }) => entries.map(({ action }) => action))).not.toContain('cancelled')
    })
  }

  it('does not let a duplicate replace anything', async () => {
    const { storage } = await migrated()
    await queue(storage, [newDelivery({ dedupeKey: 'old' })])
    const [newer] = await queue(storage, [newDelivery({ category: 'RESCHEDULE', dedupeKey: 'new' })])
    expect(await queue(storage, [newDelivery({ dedupeKey: 'old' })])).toEqual([])
    expect(await storage.deliveries.get(newer?.id ?? 0)).toMatchObject({ state: 'queued' })
  })

  it('claims, guards and finishes a notice as it does a reminder', async () => {
    const { storage } = await migrated()
    const [row] = await queue(storage, [newDelivery({ recipient: patient })])
    if (row === undefined) throw new Error('expected a row')
    const guarded = guard({ plan: { organizationId, appointmentId: 100, revision: 1 } })
    expect(await commit(storage, sendIntent(deliveryWork(row), { guard: guarded }))).toBeNull()
    const none = guard({ plan: { organizationId, appointmentId: 100, revision: 0 } })
    expect(await commit(storage, sendIntent(deliveryWork(row), { guard: none }))).toMatchObject({
      id: row.id,
      attempts: 1,
      state: 'sending',
    })
  })

  it('tells in the decisions what was queued and what was a duplicate', async () => {
    const { storage } = await migrated()
    const notice = newDelivery({ dedupeKey: 'k' })
    const extra = { action: 'skipped', rule: 'no_contact', category: 'CONFIRMATION' } as const
    const [row] = await storage.deliveries.enqueue([notice, notice], about([extra]), t0)
    await storage.decisions.append([{ ...about([extra]), at: minutes(1) }])
    expect(await storage.decisions.list(organizationId, 100)).toMatchObject([
      {
        organizationId,
        appointmentId: 100,
        waitlistEntryId: null,
        at: t0,
        entries: [
          extra,
          { ...queuedEntry, notificationId: row?.id },
          { ...queuedEntry, action: 'skipped', rule: 'duplicate' },
        ],
      },
      { at: minutes(1), entries: [extra] },
    ])
    expect(await storage.decisions.list('another-organization', 100)).toEqual([])
  })
}
