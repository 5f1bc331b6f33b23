import { expect, it } from 'vitest'
import type { DeliveryRow, SettleResult } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { minutes, type Starter } from './harness.ts'
import { claimOne, commit, deliveryWork, failure, organizationId, sendIntent, settleCommand, took } from './rows.ts'

const retry = (change: { readonly countAttempt: boolean; readonly unknown: boolean }): SettleResult => ({
  kind: 'retry',
  dueAt: minutes(5),
  ...failure,
  ...change,
})

/** A delivery whose first worker was thought dead, and that another has begun anew. */
async function takenOver(storage: Store) {
  const first = await claimOne(storage)
  const second = await commit(storage, sendIntent(deliveryWork(first), { leaseUntil: minutes(4) }), minutes(2))
  if (second === null) throw new Error('expected it to be taken over')
  return { first, second }
}

const sent = (row: DeliveryRow) => settleCommand(row, { kind: 'sent', providerMessageId: 'first' }, { at: minutes(3) })

const lateLines = async (storage: Store) =>
  (await storage.decisions.list(organizationId, 100)).flatMap(({ entries }) =>
    entries.filter(({ action }) => action === 'late'),
  )

export function late({ migrated }: Starter): void {
  const before: Record<string, SettleResult | null> = {
    'is still trying': null,
    'gave it back': retry({ countAttempt: false, unknown: false }),
    'is to try again': retry({ countAttempt: true, unknown: false }),
    'failed at it': { kind: 'failed', ...failure },
    'could not say': { kind: 'unknown', ...failure },
  }
  for (const [what, result] of Object.entries(before)) {
    it(`what was accepted is SENT, where the worker that took it over ${what}`, async () => {
      const { storage } = await migrated()
      const { first, second } = await takenOver(storage)
      if (result !== null) await storage.deliveries.settle([settleCommand(second, result, { at: minutes(2.5) })])
      expect(await storage.deliveries.settle([sent(first)])).toEqual([true])
      expect(await storage.deliveries.get(first.id)).toMatchObject({
        status: 'SENT',
        state: 'settled',
        sentAt: minutes(3),
        providerMessageId: 'first',
        errorCode: null,
        dueAt: null,
        fence: second.fence,
      })
      expect(await storage.reminders.get(first.reminderId ?? 0)).toMatchObject({
        status: 'SENT',
        sentAt: minutes(3),
        errorMessage: null,
        dueAt: null,
      })
      expect(await storage.statistics.countsByDay({})).toMatchObject([{ measure: 'SENT', count: 1 }])
      expect(await lateLines(storage)).toMatchObject([
        { rule: 'late_outcome', notificationId: first.id, offset: '24h', detail: 'sent first' },
      ])
      // Nobody begins it again, and the other's word comes too late.
      expect((await storage.deliveries.due({ now: minutes(1000), limit: 10 })).rows).toEqual([])
      if (result === null) expect(await storage.deliveries.settle([settleCommand(second)])).toEqual([false])
    })
  }

  it('is recorded beside the other, where both were accepted', async () => {
    const { storage } = await migrated()
    const { first, second } = await takenOver(storage)
    expect(await storage.deliveries.settle([settleCommand(second, undefined, { at: minutes(2.5) })])).toEqual([true])
    const settled = await storage.deliveries.get(first.id)
    expect(await storage.deliveries.settle([sent(first)])).toEqual([false])
    expect(await storage.deliveries.get(first.id)).toEqual(settled)
    expect(await lateLines(storage)).toMatchObject([{ notificationId: first.id, detail: 'sent first' }])
    expect(await storage.statistics.countsByDay({})).toMatchObject([{ measure: 'SENT', count: 1 }])
  })

  it('keeps in mind that the first attempt may have arrived, also where the second gave it back', async () => {
    const { storage } = await migrated()
    const { first, second } = await takenOver(storage)
    await storage.deliveries.settle([settleCommand(second, retry({ countAttempt: false, unknown: false }))])
    expect(await storage.deliveries.get(first.id)).toMatchObject({ state: 'queued', attempts: 1, unknownOutcomes: 1 })
  })

  it('is not recorded of another message that has the id by now, after a restore', async () => {
    const { storage } = await migrated()
    const { first, second } = await takenOver(storage)
    const before = await storage.deliveries.get(first.id)
    expect(await storage.deliveries.settle([{ ...sent(first), idempotencyKey: 'another' }])).toEqual([false])
    expect(await storage.deliveries.get(first.id)).toEqual(before)
    expect(await lateLines(storage)).toEqual([])
    const same = { ...sent(first), idempotencyKey: second.idempotencyKey }
    expect(await storage.deliveries.settle([same])).toEqual([true])
  })

  it("keeps the provider's id of what a receipt settled first", async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    const receipt = { id: held.id, status: 'DELIVERED', at: minutes(2), errorCode: null, errorMessage: null } as const
    await took(storage, receipt)
    expect(await storage.deliveries.settle([sent(held)])).toEqual([false])
    expect(await storage.deliveries.get(held.id)).toMatchObject({ status: 'DELIVERED', providerMessageId: 'first' })
    expect(await lateLines(storage)).toEqual([])
  })
}
