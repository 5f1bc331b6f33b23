import { expect, it } from 'vitest'
import type { DeliveryRow, DeliveryStatus, ReceiptCommand } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { dueDeliveries, minutes, type Starter } from './harness.ts'
import {
  claimOne,
  commit,
  deliveryWork,
  failure,
  newDelivery,
  organizationId,
  planRow,
  queue,
  sendIntent,
  settleCommand,
} from './rows.ts'

const receipt = (id: number, status: DeliveryStatus, change: Partial<ReceiptCommand> = {}): ReceiptCommand => ({
  id,
  status,
  at: minutes(5),
  errorCode: status === 'FAILED' || status === 'BOUNCED' ? 'smtp_511' : null,
  errorMessage: status === 'FAILED' || status === 'BOUNCED' ? 'no such mailbox' : null,
  ...change,
})

const statuses = ['SENT', 'FAILED', 'BOUNCED', 'DELIVERED'] as const

async function settled(
  storage: Store,
  kind: 'sent' | 'failed' | 'unknown',
  { appointmentId = 100 } = {},
): Promise<DeliveryRow> {
  const held = await claimOne(storage, { plan: planRow({ appointmentId }) })
  await storage.deliveries.settle([
    settleCommand(held, kind === 'sent' ? { kind, providerMessageId: 'p', lateMs: 60_000 } : { kind, ...failure }),
  ])
  return held
}

const stories = async (storage: Store) =>
  (await storage.decisions.list(organizationId, 100)).flatMap(({ entries }) => entries)

const countOf = async (storage: Store) =>
  Object.fromEntries(
    (await storage.statistics.countsByDay({})).filter((row) => row.count !== 0).map((row) => [row.measure, row.count]),
  )

export function receipts({ migrated }: Starter): void {
  /** From the first that is known to the last. */
  const order = ['SENT', 'FAILED', 'DELIVERED', 'BOUNCED'] as const
  for (const [place, status] of order.entries()) {
    for (const later of order.slice(place + 1)) {
      it(`moves ${status} forward to ${later}, its reminder, counters and story too, and never back`, async () => {
        const { storage } = await migrated()
        const row = await settled(storage, 'sent')
        if (status !== 'SENT') await storage.deliveries.recordReceipt(receipt(row.id, status, { at: minutes(3) }))
        expect(await storage.deliveries.recordReceipt(receipt(row.id, later))).toBe(true)
        const arrived = later === 'DELIVERED'
        const after = await storage.deliveries.get(row.id)
        expect(after).toMatchObject({
          status: later,
          state: 'settled',
          sentAt: minutes(1),
          deliveredAt: arrived ? minutes(5) : status === 'DELIVERED' ? minutes(3) : null,
          errorCode: arrived ? null : 'smtp_511',
          errorMessage: arrived ? null : 'no such mailbox',
        })
        expect(await storage.reminders.get(row.reminderId ?? 0)).toMatchObject(
          arrived
            ? { status: 'SENT', errorMessage: null, dueAt: null }
            : { status: 'FAILED', errorMessage: 'no such mailbox', dueAt: null },
        )
        expect(await countOf(storage)).toEqual({ [later]: 1 })
        const rule = { SENT: null, FAILED: 'reported_failed', BOUNCED: 'reported_bounced', DELIVERED: null }[later]
        const told = (await stories(storage)).filter((entry) => entry.rule === rule)
        const line = { action: 'failed', notificationId: row.id, offset: '24h', detail: 'smtp_511' }
        expect(told).toMatchObject(arrived ? [] : [line])
        for (const earlier of order.slice(0, place + 1)) {
          expect(await storage.deliveries.recordReceipt(receipt(row.id, earlier, { at: minutes(9) }))).toBe(false)
        }
        expect(await storage.deliveries.recordReceipt(receipt(row.id, later, { at: minutes(9) }))).toBe(false)
        expect(await storage.deliveries.get(row.id)).toEqual(after)
        expect(await countOf(storage)).toEqual({ [later]: 1 })
        expect(await dueDeliveries(storage, minutes(10_000), 10)).toEqual([])
      })
    }
  }

  it('counts each on its day, also where the failure becomes known days later', async () => {
    const { storage } = await migrated()
    const [sent, unknown] = [await settled(storage, 'sent'), await settled(storage, 'unknown', { appointmentId: 101 })]
    for (const { id } of [sent, unknown]) {
      await storage.deliveries.recordReceipt(receipt(id, 'FAILED', { at: minutes(3 * 24 * 60) }))
      await storage.deliveries.recordReceipt(receipt(id, 'DELIVERED', { at: minutes(4 * 24 * 60) }))
      await storage.deliveries.recordReceipt(receipt(id, 'BOUNCED', { at: minutes(5 * 24 * 60) }))
    }
    const days = await storage.statistics.countsByDay({})
    expect(days.filter(({ count }) => count !== 0)).toMatchObject([
      { day: '2031-03-10', measure: 'BOUNCED', count: 1 },
      { day: '2031-03-14', measure: 'BOUNCED', count: 1 },
    ])
  })

  for (const kind of ['sent', 'unknown'] as const) {
    it(`queues one again whose outcome was ${kind} and that failed for the moment, as if it had not been sent`, async () => {
      const { storage } = await migrated()
      const row = await settled(storage, kind)
      const change = { retryAt: minutes(15), providerMessageId: 'p' }
      expect(await storage.deliveries.recordReceipt(receipt(row.id, 'FAILED', change))).toBe(true)
      const queued = {
        status: null,
        state: 'queued',
        sentAt: null,
        dueAt: minutes(15),
        attempts: 1,
        unknownOutcomes: 0,
      }
      expect(await storage.deliveries.get(row.id)).toMatchObject({ ...queued, errorCode: 'smtp_511' })
      expect(await storage.reminders.get(row.reminderId ?? 0)).toMatchObject({
        status: 'PENDING',
        sentAt: null,
        dueAt: null,
      })
      expect(await countOf(storage)).toEqual({})
      const lateness = (await storage.statistics.counts({})).filter(({ measure }) => measure === 'LATENESS')
      expect(lateness.filter(({ count }) => count !== 0)).toEqual([])
      const line = { action: 'retried', rule: 'reported_retry', notificationId: row.id }
      expect((await stories(storage)).at(-1)).toMatchObject(line)
      // The same report again, before and after the next attempt, which is another message of the provider's.
      expect(await storage.deliveries.recordReceipt(receipt(row.id, 'FAILED', change))).toBe(false)
      const [due] = await dueDeliveries(storage, minutes(15), 10)
      if (due === undefined) throw new Error('expected it to be due')
      const next = await commit(storage, sendIntent(deliveryWork(due), { leaseUntil: minutes(17) }), minutes(15))
      if (next === null) throw new Error('expected it to be claimed')
      expect(next).toMatchObject({ attempts: 2, reminderId: row.reminderId })
      expect(await storage.deliveries.recordReceipt(receipt(row.id, 'FAILED', change))).toBe(false)
      await storage.deliveries.settle([settleCommand(next, { kind: 'sent', providerMessageId: 'q', lateMs: 0 })])
      for (const status of ['SENT', 'FAILED', 'BOUNCED'] as const) {
        expect(await storage.deliveries.recordReceipt(receipt(row.id, status, change))).toBe(false)
      }
      expect(await storage.deliveries.get(row.id)).toMatchObject({ status: 'SENT', providerMessageId: 'q' })
      expect(await countOf(storage)).toEqual({ SENT: 1 })
      const last = receipt(row.id, 'FAILED', { providerMessageId: 'q' })
      expect(await storage.deliveries.recordReceipt(last)).toBe(true)
      expect(await countOf(storage)).toEqual({ FAILED: 1 })
      expect(await storage.reminders.get(row.reminderId ?? 0)).toMatchObject({ status: 'FAILED' })
    })
  }

  it.each(['p', null])('settles one that waits to be tried again by a late DELIVERED of %s', async (messageId) => {
    const { storage } = await migrated()
    const row = await settled(storage, 'sent')
    await storage.deliveries.recordReceipt(receipt(row.id, 'FAILED', { retryAt: minutes(15), providerMessageId: 'p' }))
    for (const status of ['SENT', 'FAILED', 'BOUNCED'] as const) {
      expect(await storage.deliveries.recordReceipt(receipt(row.id, status, { providerMessageId: 'p' }))).toBe(false)
    }
    const arrived = receipt(row.id, 'DELIVERED', { providerMessageId: messageId })
    expect(await storage.deliveries.recordReceipt(arrived)).toBe(true)
    expect(await storage.deliveries.get(row.id)).toMatchObject({
      status: 'DELIVERED',
      state: 'settled',
      dueAt: null,
      errorCode: null,
      attempts: 1,
    })
    expect(await storage.reminders.get(row.reminderId ?? 0)).toMatchObject({ status: 'SENT', errorMessage: null })
    expect(await countOf(storage)).toEqual({ DELIVERED: 1 })
    expect(await dueDeliveries(storage, minutes(10_000), 10)).toEqual([])
    expect(await storage.deliveries.recordReceipt(arrived)).toBe(false)
  })

  it('settles one that is being sent as FAILED, where it can be of no other attempt, and keeps both ids', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    expect(await storage.deliveries.recordReceipt(receipt(held.id, 'FAILED'))).toBe(true)
    const sent = settleCommand(held, { kind: 'sent', providerMessageId: 'p' })
    expect(await storage.deliveries.settle([sent])).toEqual([false])
    const after = await storage.deliveries.get(held.id)
    expect(after).toMatchObject({ status: 'FAILED', providerMessageId: 'p', sentAt: null, errorCode: 'smtp_511' })
    expect(await storage.reminders.get(held.reminderId ?? 0)).toMatchObject({ status: 'FAILED' })
    expect(await countOf(storage)).toEqual({ FAILED: 1 })

    const other = await claimOne(storage, { plan: planRow({ appointmentId: 101 }) })
    const again = receipt(other.id, 'FAILED', { retryAt: minutes(15), providerMessageId: 'p' })
    expect(await storage.deliveries.recordReceipt(again)).toBe(true)
    expect(await storage.deliveries.settle([settleCommand(other, { kind: 'sent', providerMessageId: 'p' })])).toEqual([
      false,
    ])
    const waiting = { state: 'queued', status: null, dueAt: minutes(15), providerMessageId: 'p' }
    expect(await storage.deliveries.get(other.id)).toMatchObject(waiting)
    expect(await storage.reminders.get(other.reminderId ?? 0)).toMatchObject({ status: 'PENDING' })
  })

  for (const status of statuses) {
    it(`makes an unknown outcome known as ${status}, its reminder too`, async () => {
      const { storage } = await migrated()
      const row = await settled(storage, 'unknown')
      expect(await storage.deliveries.recordReceipt(receipt(row.id, status))).toBe(true)
      const arrived = status === 'SENT' || status === 'DELIVERED'
      expect(await storage.deliveries.get(row.id)).toMatchObject({
        status,
        state: 'settled',
        sentAt: arrived ? minutes(5) : null,
        errorCode: arrived ? null : 'smtp_511',
      })
      expect(await storage.reminders.get(row.reminderId ?? 0)).toMatchObject(
        arrived
          ? { status: 'SENT', sentAt: minutes(5), errorMessage: null }
          : { status: 'FAILED', errorMessage: 'no such mailbox' },
      )
      expect(await countOf(storage)).toEqual({ [status]: 1 })
      expect(await storage.deliveries.recordReceipt(receipt(row.id, 'SENT'))).toBe(false)
    })
  }

  for (const status of ['SENT', 'DELIVERED', 'BOUNCED'] as const) {
    it(`settles one that is being sent as ${status}, its reminder too, and counts it once`, async () => {
      const { storage } = await migrated()
      const held = await claimOne(storage)
      expect(await storage.deliveries.recordReceipt(receipt(held.id, status))).toBe(true)
      const arrived = status !== 'BOUNCED'
      const after = await storage.deliveries.get(held.id)
      expect(after).toMatchObject({
        status,
        state: 'settled',
        dueAt: null,
        sentAt: arrived ? minutes(5) : null,
        deliveredAt: status === 'DELIVERED' ? minutes(5) : null,
        errorCode: arrived ? null : 'smtp_511',
      })
      expect(await storage.reminders.get(held.reminderId ?? 0)).toMatchObject(
        arrived
          ? { status: 'SENT', sentAt: minutes(5), errorMessage: null }
          : { status: 'FAILED', sentAt: null, errorMessage: 'no such mailbox' },
      )
      const results = [
        { kind: 'sent', providerMessageId: 'p', lateMs: 60_000 },
        { kind: 'retry', dueAt: minutes(9), ...failure, countAttempt: true, unknown: true },
      ] as const
      for (const result of results) {
        expect(await storage.deliveries.settle([settleCommand(held, result)])).toEqual([false])
      }
      // The provider's id is all that it did not know yet.
      expect(await storage.deliveries.get(held.id)).toEqual({ ...after, providerMessageId: 'p' })
      expect(await countOf(storage)).toEqual({ [status]: 1 })
      const rows = await storage.statistics.counts({ organizationId })
      expect(rows.filter(({ measure }) => measure === 'LATENESS')).toHaveLength(arrived ? 1 : 0)
      expect(await dueDeliveries(storage, minutes(10_000), 10)).toEqual([])
    })
  }

  it('settles one that waits to be sent again after an unknown outcome', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    const again = { kind: 'retry', dueAt: minutes(9), ...failure, countAttempt: true, unknown: true } as const
    await storage.deliveries.settle([settleCommand(held, again)])
    expect(await storage.deliveries.recordReceipt(receipt(held.id, 'DELIVERED'))).toBe(true)
    expect(await storage.deliveries.get(held.id)).toMatchObject({ status: 'DELIVERED', state: 'settled', dueAt: null })
    expect(await storage.reminders.get(held.reminderId ?? 0)).toMatchObject({ status: 'SENT' })
    expect(await countOf(storage)).toEqual({ DELIVERED: 1 })
    expect(await dueDeliveries(storage, minutes(10_000), 10)).toEqual([])
  })

  it('changes nothing of one that waits or does not exist', async () => {
    const { storage } = await migrated()
    const [queued] = await queue(storage, [newDelivery({ category: 'WAITLIST', appointmentId: null })])
    if (queued === undefined) throw new Error('expected a row')
    for (const id of [queued.id, 9999]) {
      for (const status of statuses) expect(await storage.deliveries.recordReceipt(receipt(id, status))).toBe(false)
    }
    expect(await storage.deliveries.get(queued.id)).toEqual(queued)
  })

  it('does not fail one that is being sent after an unknown outcome: it may be of the attempt before', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    const again = { kind: 'retry', dueAt: minutes(3), ...failure, countAttempt: true, unknown: true } as const
    await storage.deliveries.settle([settleCommand(held, again)])
    const [due] = await dueDeliveries(storage, minutes(3), 10)
    if (due === undefined) throw new Error('expected it to be due')
    const sending = await commit(storage, sendIntent(deliveryWork(due), { leaseUntil: minutes(5) }), minutes(3))
    expect(await storage.deliveries.recordReceipt(receipt(held.id, 'FAILED'))).toBe(false)
    expect(await storage.deliveries.get(held.id)).toEqual(sending)
  })

  it('lets what failed at the send be delivered all the same', async () => {
    const { storage } = await migrated()
    const row = await settled(storage, 'failed')
    expect(await storage.deliveries.recordReceipt(receipt(row.id, 'SENT'))).toBe(false)
    expect(await storage.deliveries.recordReceipt(receipt(row.id, 'DELIVERED'))).toBe(true)
    expect(await storage.deliveries.get(row.id)).toMatchObject({ status: 'DELIVERED', sentAt: minutes(5) })
    expect(await storage.reminders.get(row.reminderId ?? 0)).toMatchObject({ status: 'SENT', errorMessage: null })
    expect(await countOf(storage)).toEqual({ DELIVERED: 1 })
  })

  it('takes one of two receipts that arrive at once', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    const row = await settled(storage, 'sent')
    const taken = await Promise.all([
      storage.deliveries.recordReceipt(receipt(row.id, 'BOUNCED')),
      other.deliveries.recordReceipt(receipt(row.id, 'BOUNCED')),
    ])
    expect(taken.filter(Boolean)).toHaveLength(1)
  })
}
