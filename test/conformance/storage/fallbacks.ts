import { expect, it } from 'vitest'
import type { Store } from '../../../src/records/store.ts'
import { dueDeliveries, minutes, type Starter, t0 } from './harness.ts'
import {
  about,
  claimOne,
  commit,
  content,
  deliveryWork,
  failure,
  organizationId,
  planOne,
  reminderWork,
  sendIntent,
  settleCommand,
} from './rows.ts'

const fallback = { channel: 'SMS', idempotencyKey: 'in-place' } as const
const failed = { kind: 'failed', ...failure } as const

const all = async ({ deliveries }: Store) => (await deliveries.list({ organizationId, limit: 100, offset: 0 })).rows

export function fallbacks({ migrated }: Starter): void {
  it('a message that failed is queued on another channel with it, due at once, and names it', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    expect(await storage.deliveries.settle([{ ...settleCommand(held, failed), fallback }])).toEqual([true])
    const [next] = await dueDeliveries(storage, minutes(1), 10)
    expect(next).toMatchObject({
      channel: 'SMS',
      category: held.category,
      recipient: held.recipient,
      appointmentId: held.appointmentId,
      fallbackOf: held.id,
      reminderId: null,
      state: 'queued',
      status: null,
      idempotencyKey: 'in-place',
      recipientAddress: null,
      message: '',
      attempts: 0,
    })
    expect(await storage.deliveries.get(held.id)).toMatchObject({ status: 'FAILED', fallbackOf: null })
    const entries = (await storage.decisions.list(organizationId, held.appointmentId ?? 0)).flatMap(
      (one) => one.entries,
    )
    expect(entries.at(-1)).toMatchObject({
      action: 'queued',
      rule: 'fallback',
      channel: 'SMS',
      notificationId: next?.id,
    })
  })

  it('nothing is queued where it did not fail, or its outcome came too late', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    await storage.deliveries.settle([{ ...settleCommand(held), fallback }])
    await storage.deliveries.settle([{ ...settleCommand(held, failed), fallback, fence: held.fence - 1 }])
    expect(await all(storage)).toHaveLength(1)
  })

  it('the same outcome again, or a later report of it, queues no second one', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    const command = { ...settleCommand(held, failed), fallback }
    await storage.deliveries.settle([command])
    await storage.deliveries.settle([command])
    await storage.deliveries.recordReceipts([
      { id: held.id, status: 'BOUNCED', at: minutes(2), errorCode: 'x', errorMessage: null, fallback },
    ])
    expect(await all(storage)).toHaveLength(2)
  })

  it('a message that was sent and is reported as failed is queued on another channel, once', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    await storage.deliveries.settle([settleCommand(held)])
    const report = { id: held.id, at: minutes(3), errorCode: 'x', errorMessage: null, fallback } as const
    const commands = [{ ...report, status: 'FAILED' } as const, { ...report, status: 'BOUNCED' } as const]
    expect(await storage.deliveries.recordReceipts(commands)).toEqual(['ended', 'changed'])
    expect((await all(storage)).filter(({ fallbackOf }) => fallbackOf === held.id)).toHaveLength(1)
  })

  it('one that may go unreported waits beside a message that was sent, and is due as soon as that failed', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    const later = { ...fallback, unreportedMs: 30 * 60_000 }
    const command = { ...settleCommand(held), fallback: later }
    expect(await storage.deliveries.settle([command])).toEqual([true])
    expect(await storage.deliveries.settle([command])).toEqual([true])
    expect(await dueDeliveries(storage, minutes(30), 10)).toEqual([])
    const [next] = await dueDeliveries(storage, minutes(31), 10)
    expect(next).toMatchObject({ channel: 'SMS', fallbackOf: held.id, state: 'queued' })
    const report = { id: held.id, at: minutes(3), errorCode: 'x', errorMessage: null, status: 'FAILED' } as const
    expect(await storage.deliveries.recordReceipts([{ ...report, fallback: later }])).toEqual(['ended'])
    expect(await dueDeliveries(storage, minutes(3), 10)).toMatchObject([{ id: next?.id }])
    expect(await all(storage)).toHaveLength(2)
  })

  it.each([
    ['it failed after all', 'FAILED', 3],
    ['it was sent once more', 'SENT', 33],
  ] as const)('one withdrawn as needless is queued again where %s', async (_, outcome, dueAfter) => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    const later = { ...fallback, unreportedMs: 30 * 60_000 }
    await storage.deliveries.settle([{ ...settleCommand(held), fallback: later }])
    const [next] = await dueDeliveries(storage, minutes(31), 10)
    if (next === undefined) throw new Error('nothing was queued')
    const rule = 'fallback_unproven'
    await commit(storage, { kind: 'cancel', rule, work: deliveryWork(next), decision: about() })
    expect(await dueDeliveries(storage, minutes(99), 10)).toEqual([])
    const report = { id: held.id, at: minutes(3), errorCode: 'x', errorMessage: null, status: 'FAILED' } as const
    if (outcome === 'FAILED') await storage.deliveries.recordReceipts([{ ...report, fallback: later }])
    else {
      await storage.deliveries.recordReceipts([{ ...report, retryAt: minutes(2) }])
      const [again] = await dueDeliveries(storage, minutes(2), 10)
      if (again === undefined) throw new Error('it is not tried again')
      const sent = await commit(storage, sendIntent(deliveryWork(again)))
      if (sent === null) throw new Error('it was not claimed')
      await storage.deliveries.settle([{ ...settleCommand(sent), at: minutes(3), fallback: later }])
    }
    expect(await storage.deliveries.get(next.id)).toMatchObject({ state: 'queued', reason: null })
    const due = (at: number) => dueDeliveries(storage, minutes(at), 10)
    expect(await due(dueAfter - 1)).toEqual([])
    expect(await due(dueAfter)).toMatchObject([{ id: next.id }])
    expect(await all(storage)).toHaveLength(2)
  })

  it('a reminder that fails without an attempt has its delivery, and another one in place of that', async () => {
    const { storage } = await migrated()
    const fail = {
      kind: 'fail',
      work: reminderWork(await planOne(storage)),
      code: 'no_account',
      message: 'No.',
    } as const
    const delivery = await commit(storage, { ...fail, decision: about(), content: content({ message: '' }), fallback })
    const [next] = await dueDeliveries(storage, minutes(1), 10)
    expect(next).toMatchObject({ channel: 'SMS', fallbackOf: delivery?.id, reminderId: null, state: 'queued' })
    expect(await all(storage)).toHaveLength(2)
  })

  it('of a chain each channel is queued once, whichever message of it fails', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    await storage.deliveries.settle([{ ...settleCommand(held, failed), fallback }])
    const [next] = await dueDeliveries(storage, minutes(1), 10)
    if (next === undefined) throw new Error('nothing was queued')
    const other = { channel: 'WHATSAPP', idempotencyKey: 'other' } as const
    const cancel = { kind: 'cancel', rule: 'no_contact', work: deliveryWork(next), decision: about() } as const
    await commit(storage, { ...cancel, fallback: other })
    const [last] = await dueDeliveries(storage, minutes(1), 10)
    expect(last).toMatchObject({ channel: 'WHATSAPP', fallbackOf: next.id })
    if (last === undefined) throw new Error('nothing was queued')
    await commit(storage, { ...cancel, work: deliveryWork(last), fallback })
    expect(await all(storage)).toHaveLength(3)
    expect(await storage.deliveries.nextDueAt(t0)).toBeNull()
  })

  it('each whom a message was for has one of their own in its place, once, and each a chain of their own', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    const recipient = { type: 'CLIENT', id: 77 } as const
    const theirs = { ...fallback, recipient, idempotencyKey: 'for-the-other', unreportedMs: 60_000 } as const
    const both = { ...fallback, others: [theirs] }
    await storage.deliveries.settle([{ ...settleCommand(held), fallback: both }])
    expect(await all(storage)).toHaveLength(2)
    const report = { id: held.id, at: minutes(0), errorCode: 'x', errorMessage: null, fallback: both } as const
    const commands = [{ ...report, status: 'FAILED' } as const, { ...report, status: 'BOUNCED' } as const]
    expect(await storage.deliveries.recordReceipts(commands)).toEqual(['ended', 'changed'])
    const next = await dueDeliveries(storage, minutes(0), 10)
    const kept = { channel: 'SMS', fallbackOf: held.id, appointmentId: held.appointmentId, state: 'queued' }
    expect(next).toHaveLength(2)
    const other = next.find((row) => row.recipient.id === recipient.id)
    expect(other).toMatchObject({ ...kept, recipient, idempotencyKey: 'for-the-other' })
    expect(next.find((row) => row !== other)).toMatchObject({ ...kept, recipient: held.recipient })
    for (const row of next) {
      const last = { channel: 'WHATSAPP', idempotencyKey: `after ${row.id}` } as const
      const work = deliveryWork(row)
      await commit(storage, { kind: 'cancel', rule: 'no_contact', work, decision: about(), fallback: last })
    }
    const ends = await dueDeliveries(storage, minutes(60), 10)
    expect(new Set(ends.map((row) => `${row.channel} ${row.fallbackOf} ${row.recipient.id}`))).toEqual(
      new Set(next.map((row) => `WHATSAPP ${row.id} ${row.recipient.id}`)),
    )
  })
}
