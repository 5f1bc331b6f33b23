import { expect, it } from 'vitest'
import type { Store } from '../../../src/records/store.ts'
import { dueDeliveries, dueReminders, minutes, type Starter, t0 } from './harness.ts'
import {
  about,
  client,
  commit,
  deliveryWork,
  failure,
  guard,
  newReminder,
  nextPlan,
  organizationId,
  planOne,
  planRow,
  reminderWork,
  sendEntry,
  sendIntent,
  settleCommand,
} from './rows.ts'

const ofPlan = (appointmentId: number, revision = 1) =>
  guard({ plan: { organizationId, appointmentId, revision }, preferences: [{ recipient: client, revision: 0 }] })
const ask = (code: string) => ({ code, until: minutes(1440), sender: null })

/** What is tried again in five minutes. */
const retry = {
  kind: 'retry',
  dueAt: minutes(5),
  code: 'busy',
  message: 'Busy.',
  countAttempt: true,
  unknown: false,
} as const

/** Reminders of several appointments in one message. */
export function together({ migrated }: Starter): void {
  const planTwo = async (storage: Store) => {
    const first = await planOne(storage)
    const second = await planOne(storage, {
      plan: planRow({ appointmentId: 200 }),
      reminders: [newReminder({ recipient: client, reminderTime: minutes(60) })],
    })
    return [first, second] as const
  }
  const taking = (first: number, second: number, revision = 1) =>
    sendIntent(reminderWork(first), {
      ask: ask('3F'),
      together: [
        {
          work: reminderWork(second),
          decision: about([sendEntry], 200),
          guard: ofPlan(200, revision),
          ask: ask('4G'),
        },
      ],
    })

  it('claims a message with what goes out in it, each as a delivery that ends by itself', async () => {
    const { storage } = await migrated()
    const [first, second] = await planTwo(storage)
    const command = taking(first, second)
    const [outcome] = await storage.deliveries.commitIntents([command], t0)
    if (outcome?.status !== 'committed' || outcome.delivery === null) throw new Error('expected the claim to win')
    const { delivery, together = [] } = outcome
    const shared = {
      fence: command.fence,
      idempotencyKey: command.idempotencyKey,
      sentWith: delivery.id,
      state: 'sending',
    }
    expect(delivery).toMatchObject({ ...shared, reminderId: first, ask: { code: '3F' } })
    expect(together).toMatchObject([
      { ...shared, reminderId: second, appointmentId: 200, recipient: client, ask: { code: '4G' }, attempts: 1 },
    ])
    expect(await storage.deliveries.sentWith([delivery.id])).toEqual([delivery, ...together])
    expect(await dueReminders(storage, minutes(1000), 10)).toEqual([])
    expect((await storage.decisions.list(organizationId, 200)).at(-1)?.entries).toMatchObject([{ action: 'send' }])
    // The first answer may have been lost.
    const [again] = await storage.deliveries.commitIntents([command], t0)
    expect(again).toEqual(outcome)
    // A cancellation meanwhile is told that it is in flight.
    const [other] = together
    if (other === undefined) throw new Error('nothing went along')
    const cancelled = nextPlan(1, {
      plan: planRow({ appointmentId: 200, revision: 2, lifecycleRevision: 2, status: 'cancelled' }),
      reminders: [],
    })
    expect(await storage.plans.apply([cancelled])).toMatchObject([{ status: 'applied', inFlight: 1 }])
    await storage.deliveries.settle([settleCommand(delivery, retry), settleCommand(other, retry)])
    const [due, ...more] = await dueDeliveries(storage, minutes(5), 10)
    if (due === undefined) throw new Error('nothing is tried again')
    expect(more).toHaveLength(1)
    // Tried again by itself, it is no longer one of several.
    const alone = await commit(storage, sendIntent(deliveryWork(due)), minutes(5))
    expect(alone).toMatchObject({ sentWith: null })
    expect(await storage.deliveries.sentWith([delivery.id])).toHaveLength(1)
  })

  it('claims nothing of a message where one that goes out in it was changed or taken', async () => {
    const { storage } = await migrated()
    const [first, second] = await planTwo(storage)
    const status = async (command: ReturnType<typeof taking>) =>
      (await storage.deliveries.commitIntents([command], t0))[0]?.status
    await storage.plans.apply([
      nextPlan(1, {
        plan: planRow({ appointmentId: 200, revision: 2 }),
        reminders: [newReminder({ recipient: client, reminderTime: minutes(60) })],
      }),
    ])
    expect(await status(taking(first, second))).toBe('lost')
    const taken = sendIntent(reminderWork(second), { decision: about([], 200), guard: ofPlan(200, 2) })
    const rival = [taking(first, second, 2), taken]
    const outcomes = await Promise.all(rival.map((one) => storage.deliveries.commitIntents([one], t0)))
    expect(outcomes.flat().filter(({ status }) => status === 'committed')).toHaveLength(1)
    expect(await status(taking(first, second, 2))).toMatch(/lost|committed/)
    expect((await storage.reminders.get(second))?.notificationId).not.toBeNull()
  })

  it('settles a message with what went out in it, each by its own fence', async () => {
    const { storage } = await migrated()
    const [outcome] = await storage.deliveries.commitIntents([taking(...(await planTwo(storage)))], t0)
    if (outcome?.status !== 'committed' || outcome.delivery === null) throw new Error('expected the claim to win')
    const { delivery, together: [other] = [] } = outcome
    if (other === undefined) throw new Error('nothing went along')
    const entries = [{ action: 'failed', rule: 'retries_exhausted', category: 'REMINDER' }] as const
    const along = (fence: number) => settleCommand({ id: other.id, fence }, { kind: 'failed', ...failure }, { entries })
    const settle = (fence: number) =>
      storage.deliveries.settle([settleCommand(delivery, undefined, { along: [along(fence)] })])
    expect(await settle(other.fence - 1)).toEqual([[true, false]])
    expect(await storage.deliveries.get(delivery.id)).toMatchObject({ status: 'SENT' })
    expect(await storage.deliveries.get(other.id)).toMatchObject({ state: 'sending' })
    expect(await settle(other.fence)).toEqual([[true, true]])
    expect(await storage.deliveries.get(other.id)).toMatchObject({ status: 'FAILED' })
    expect((await storage.decisions.list(organizationId, 200)).at(-1)?.entries).toMatchObject([{ action: 'failed' }])
  })

  it('withdraws of a message who was erased, and leaves the rest to be decided again', async () => {
    const { storage } = await migrated()
    const [first, second] = await planTwo(storage)
    const [outcome] = await storage.deliveries.commitIntents([taking(first, second)], t0)
    if (outcome?.status !== 'committed' || outcome.delivery === null) throw new Error('expected the claim to win')
    const { delivery, together: [other] = [] } = outcome
    if (other === undefined) throw new Error('nothing went along')
    await storage.deliveries.settle([settleCommand(delivery, retry, { along: [settleCommand(other, retry)] })])
    await storage.personal.erase({
      recipient: client,
      messages: [other.id],
      contactAddresses: [],
      appointments: [],
      waitlistEntries: [],
      addresses: [],
      hash: null,
      at: minutes(4),
    })
    const command = sendIntent(deliveryWork(delivery), {
      together: [{ work: deliveryWork(other), decision: about([sendEntry], 200), guard: ofPlan(200) }],
    })
    const claimed = async () => (await storage.deliveries.commitIntents([command], minutes(5)))[0]?.status
    expect(await claimed()).toBe('lost')
    expect(await storage.deliveries.get(other.id)).toMatchObject({ state: 'cancelled', reason: 'recipient_deleted' })
    expect(await storage.reminders.get(second)).toMatchObject({ status: 'CANCELLED', reason: 'recipient_deleted' })
    // It stays due, and goes out without them.
    expect((await dueDeliveries(storage, minutes(5), 10)).map(({ id }) => id)).toEqual([delivery.id])
    expect(await claimed()).toBe('lost')
    expect(await commit(storage, sendIntent(deliveryWork(delivery)), minutes(5))).toMatchObject({ sentWith: null })
  })
}
