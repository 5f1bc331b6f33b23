import { expect, it } from 'vitest'
import type { DeliveryRow, DeliveryStatus, ReceiptCommand, Storage } from '../../../src/index.ts'
import { dueDeliveries, minutes, type Starter } from './harness.ts'
import {
  claimOne,
  commit,
  deliveryWork,
  failure,
  guard,
  newDelivery,
  organizationId,
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

async function settled(storage: Storage, kind: 'sent' | 'failed' | 'unknown'): Promise<DeliveryRow> {
  const held = await claimOne(storage)
  await storage.deliveries.settle([
    settleCommand(held, kind === 'sent' ? { kind, providerMessageId: 'p' } : { kind, ...failure }),
  ])
  return held
}

const countOf = async (storage: Storage) =>
  Object.fromEntries((await storage.statistics.countsByDay({})).map((row) => [row.measure, row.count]))

export function receipts({ migrated }: Starter): void {
  for (const status of ['DELIVERED', 'BOUNCED'] as const) {
    it(`moves SENT forward to ${status}, and never back`, async () => {
      const { storage } = await migrated()
      const row = await settled(storage, 'sent')
      expect(await storage.deliveries.recordReceipt(receipt(row.id, status))).toBe(true)
      const after = await storage.deliveries.get(row.id)
      expect(after).toMatchObject({
        status,
        state: 'settled',
        sentAt: minutes(1),
        deliveredAt: status === 'DELIVERED' ? minutes(5) : null,
        errorMessage: status === 'BOUNCED' ? 'no such mailbox' : null,
      })
      for (const later of statuses) {
        expect(await storage.deliveries.recordReceipt(receipt(row.id, later, { at: minutes(9) }))).toBe(false)
      }
      expect(await storage.deliveries.get(row.id)).toEqual(after)
      expect(await countOf(storage)).toEqual({ [status]: 1 })
    })
  }

  it('lets a repeated SENT and a late FAILED of a sent one change nothing', async () => {
    const { storage } = await migrated()
    const row = await settled(storage, 'sent')
    for (const status of ['SENT', 'FAILED'] as const) {
      expect(await storage.deliveries.recordReceipt(receipt(row.id, status))).toBe(false)
    }
    expect(await countOf(storage)).toEqual({ SENT: 1 })
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

  it('changes nothing of one that failed, waits or does not exist, nor fails one that is being sent', async () => {
    const { storage } = await migrated()
    const failed = await settled(storage, 'failed')
    const [queued, sending] = await queue(storage, [
      newDelivery({ category: 'WAITLIST', appointmentId: null }),
      newDelivery({ category: 'WAITLIST', appointmentId: null }),
    ])
    if (queued === undefined || sending === undefined) throw new Error('expected rows')
    await commit(storage, sendIntent(deliveryWork(sending), { guard: guard({ plan: null }) }))
    const rows = () => Promise.all([failed, queued, sending].map((row) => storage.deliveries.get(row.id)))
    const before = await rows()
    for (const id of [failed.id, queued.id, 9999]) {
      for (const status of statuses) expect(await storage.deliveries.recordReceipt(receipt(id, status))).toBe(false)
    }
    // It may be of an attempt before, and whoever sends it knows whether it is to be tried again.
    expect(await storage.deliveries.recordReceipt(receipt(sending.id, 'FAILED'))).toBe(false)
    expect(await rows()).toEqual(before)
  })

  it('takes one of two receipts that arrive at once', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    const row = await settled(storage, 'sent')
    const taken = await Promise.all([
      storage.deliveries.recordReceipt(receipt(row.id, 'DELIVERED')),
      other.deliveries.recordReceipt(receipt(row.id, 'BOUNCED')),
    ])
    expect(taken.filter(Boolean)).toHaveLength(1)
  })
}
