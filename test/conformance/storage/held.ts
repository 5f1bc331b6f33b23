import { expect, it } from 'vitest'
import type { IntentCommand, Work } from '../../../src/index.ts'
import { dueDeliveries, dueReminders, minutes, type Starter, t0 } from './harness.ts'
import {
  about,
  claimOne,
  commit,
  deliveryWork,
  failure,
  newDelivery,
  nextPlan,
  planOne,
  planRow,
  queue,
  reminderWork,
  sendIntent,
} from './rows.ts'

const suspend = (work: Work): IntentCommand => ({ kind: 'suspend', work, decision: about() })
const resume = (work: Work): IntentCommand => ({ kind: 'resume', work, decision: about() })

export function held({ migrated }: Starter): void {
  it('keeps a reminder that is suspended from being due, until it is resumed', async () => {
    const { storage } = await migrated()
    const id = await planOne(storage)
    const work = reminderWork(id)
    expect(await storage.deliveries.commitIntents([resume(work), suspend(work)], minutes(1))).toMatchObject([
      { status: 'lost' },
      { status: 'committed', delivery: null },
    ])
    expect(await storage.reminders.get(id)).toMatchObject({ status: 'PENDING', dueAt: null, heldAt: minutes(1) })
    expect(await dueReminders(storage, minutes(1000), 10)).toEqual([])
    expect(await storage.deliveries.nextDueAt()).toBeNull()
    expect(await commit(storage, sendIntent(work))).toBeNull()
    expect((await storage.reminders.suspended(null, 10)).map((row) => row.id)).toEqual([id])
    await commit(storage, resume(work), minutes(2))
    expect(await storage.reminders.get(id)).toMatchObject({ dueAt: minutes(2), heldAt: null })
    expect(await storage.reminders.suspended(null, 10)).toEqual([])
    expect(await commit(storage, sendIntent(work))).not.toBeNull()
  })

  it('keeps deliveries likewise; one that was being sent has an unknown outcome more', async () => {
    const { storage } = await migrated()
    const sending = await claimOne(storage)
    const [queued] = await queue(storage, [newDelivery({ category: 'WAITLIST', appointmentId: null })])
    const works = [deliveryWork(sending), deliveryWork(queued ?? sending)]
    await storage.deliveries.commitIntents(works.map(suspend), minutes(3))
    expect(await storage.deliveries.suspended(null, 10)).toMatchObject([
      { id: sending.id, state: 'queued', dueAt: null, heldAt: minutes(3), unknownOutcomes: 1, attempts: 1 },
      { id: queued?.id, state: 'queued', dueAt: null, heldAt: minutes(3), unknownOutcomes: 0 },
    ])
    expect(await storage.deliveries.claims()).toEqual([])
    expect(await dueDeliveries(storage, minutes(1000), 10)).toEqual([])
    const { id, fence } = sending
    const hold = { kind: 'hold', work: { kind: 'delivery', id, fence }, decision: about(), ...failure } as const
    expect(await commit(storage, hold, minutes(4))).toMatchObject({ state: 'unknown' })
    await commit(storage, resume(deliveryWork(queued ?? sending)), minutes(5))
    expect((await dueDeliveries(storage, minutes(5), 10)).map((row) => row.id)).toEqual([queued?.id])
    expect(await storage.deliveries.suspended(null, 10)).toEqual([])
  })

  it('lists them page by page, first held first', async () => {
    const { storage } = await migrated()
    const ids: number[] = []
    for (let index = 0; index < 5; index += 1) {
      ids.push(await planOne(storage, { plan: planRow({ appointmentId: 300 + index }) }))
    }
    const works = ids.map(reminderWork)
    await storage.deliveries.commitIntents(works.slice(2).map(suspend), minutes(1))
    await storage.deliveries.commitIntents(works.slice(0, 2).map(suspend), minutes(2))
    const first = await storage.reminders.suspended(null, 4)
    const [last] = first.slice(-1)
    if (last?.heldAt == null) throw new Error('expected a held reminder')
    const second = await storage.reminders.suspended({ heldAt: last.heldAt, id: last.id }, 4)
    expect([...first, ...second].map((row) => row.id)).toEqual([...ids.slice(2), ...ids.slice(0, 2)])
  })

  it('is withdrawn by a cancel or a plan that no longer wants it', async () => {
    const { storage } = await migrated()
    const [one, other] = [await planOne(storage), await planOne(storage, { plan: planRow({ appointmentId: 101 }) })]
    await storage.deliveries.commitIntents([one, other].map(reminderWork).map(suspend), t0)
    await storage.plans.apply([nextPlan(1, { reminders: [] })])
    expect(await storage.reminders.get(one)).toMatchObject({ status: 'CANCELLED', reason: 'replanned' })
    const cancel = { kind: 'cancel', work: reminderWork(other), decision: about(), rule: 'restored' } as const
    await storage.deliveries.commitIntents([cancel], minutes(1))
    expect(await storage.reminders.get(other)).toMatchObject({ status: 'CANCELLED', reason: 'restored' })
    expect(await storage.reminders.suspended(null, 10)).toEqual([])
  })

  it('of a plan that still wants it, it stays held', async () => {
    const { storage } = await migrated()
    const id = await planOne(storage)
    await storage.deliveries.commitIntents([suspend(reminderWork(id))], t0)
    const [outcome] = await storage.plans.apply([nextPlan(1)])
    expect(outcome).toMatchObject({ status: 'applied', created: [], kept: [{ id, heldAt: t0, dueAt: null }] })
  })
}
