import { expect, it } from 'vitest'
import type { Budget } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { dueDeliveries, minutes, type Starter, t0 } from './harness.ts'
import {
  client,
  commit,
  deliveryWork,
  guard,
  newDelivery,
  newReminder,
  nextPlan,
  organizationId,
  patient,
  planCommand,
  planOne,
  planRow,
  queue,
  sendIntent,
} from './rows.ts'

const day = '2031-03-10'
const queued = (storage: Store, count: number, change = {}) =>
  queue(
    storage,
    Array.from({ length: count }, () => newDelivery({ category: 'WAITLIST', appointmentId: null, ...change })),
  )

/** What a person gets on a day, and which of a person's reminders are still to come; notices that are withdrawn. */
export function budgets({ migrated }: Starter): void {
  const free = guard({ plan: null })
  const claim = (row: Parameters<typeof deliveryWork>[0], budget: Budget | null) =>
    sendIntent(deliveryWork(row), { guard: free, budget })

  it('begins no more messages of a person in a day than their budget, whoever claims', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    const rows = await queued(storage, 9)
    const inTurn = async (index: number): Promise<string | undefined> => {
      const row = rows[index]
      if (row === undefined) throw new Error('no such row')
      const command = claim(row, { recipient: patient, day, most: 4 })
      const [outcome] = await (index % 2 === 0 ? storage : other).deliveries.commitIntents([command], t0)
      return outcome?.status === 'held' ? inTurn(index) : outcome?.status
    }
    const statuses = await Promise.all(rows.map((_row, index) => inTurn(index)))
    expect(statuses.toSorted()).toEqual([...Array(4).fill('committed'), ...Array(5).fill('spent')])
    expect(await dueDeliveries(storage, t0, 20)).toHaveLength(5)
  })

  it('counts in one commit too, on each day anew, for each person and organization, and first attempts only', async () => {
    const { storage } = await migrated()
    const [one, two, three, four] = await queued(storage, 4)
    if (!one || !two || !three || !four) throw new Error('nothing queued')
    const mine = { recipient: patient, day, most: 1 }
    const together = await storage.deliveries.commitIntents([claim(one, mine), claim(two, mine)], t0)
    expect(together.map(({ status }) => status)).toEqual(['committed', 'spent'])
    const status = async (row: typeof one, budget: Budget) =>
      (await storage.deliveries.commitIntents([claim(row, budget)], t0))[0]?.status
    expect(await status(two, { ...mine, recipient: client })).toBe('committed')
    expect(await status(three, { ...mine, day: '2031-03-11' })).toBe('committed')
    expect(await status(four, { ...mine, day: '2031-03-11' })).toBe('spent')
    expect(await status(four, { ...mine, day: '2031-03-11', most: 2 })).toBe('committed')
    const again = (await storage.deliveries.get(one.id)) ?? one
    expect(await status(again, mine)).toBe('committed')
  })

  it('begins no day anew for clocks of several zones, nor waits for one that is far ahead', async () => {
    const { storage } = await migrated()
    const [one, two, three, four, five] = await queued(storage, 5)
    if (!one || !two || !three || !four || !five) throw new Error('nothing queued')
    const status = async (row: typeof one, budget: Budget) =>
      (await storage.deliveries.commitIntents([claim(row, budget)], t0))[0]?.status
    const mine = { recipient: patient, day, most: 1 }
    expect(await status(one, mine)).toBe('committed')
    expect(await status(two, { ...mine, day: '2031-03-11' })).toBe('committed')
    expect(await status(three, mine)).toBe('spent')
    const theirs = { ...mine, recipient: client }
    expect(await status(four, { ...theirs, day: '2031-03-20' })).toBe('committed')
    expect(await status(five, theirs)).toBe('committed')
  })

  it('counts nothing that is not begun', async () => {
    const { storage } = await migrated()
    const [one, two] = await queued(storage, 2)
    if (!one || !two) throw new Error('nothing queued')
    const mine = { recipient: patient, day, most: 1 }
    const lost = { ...claim(one, mine), guard: guard({ plan: null, settings: { organizationId, revision: 7 } }) }
    expect(await commit(storage, lost)).toBeNull()
    const [capped] = await storage.deliveries.commitIntents([{ ...claim(one, mine), cap: 0 }], t0)
    expect(capped?.status).toBe('capped')
    expect(await commit(storage, claim(two, mine))).not.toBeNull()
  })

  it('forgets what a person got with the person', async () => {
    const { storage } = await migrated()
    const mine = { recipient: patient, day, most: 1 }
    const [one] = await queued(storage, 1)
    if (!one) throw new Error('nothing queued')
    await commit(storage, claim(one, mine))
    await storage.plans.forgetRecipient(patient, minutes(1))
    const [two] = await queued(storage, 1)
    expect(two && (await commit(storage, claim(two, mine)))).not.toBeNull()
  })

  it('gives the reminders of people that are still to come by a time', async () => {
    const { storage } = await migrated()
    const plan = (appointmentId: number, reminderTime: Date, change = {}) =>
      planCommand({
        plan: planRow({ appointmentId, recipients: [patient, client], ...change }),
        reminders: [newReminder({ reminderTime }), newReminder({ reminderTime, recipient: client, channel: 'SMS' })],
      })
    await storage.plans.apply([
      plan(1, minutes(5)),
      plan(2, minutes(10)),
      plan(3, minutes(11)),
      plan(4, minutes(5), { organizationId: 'another' }),
      plan(5, minutes(5), { startsAt: minutes(-1) }),
    ])
    await storage.plans.apply([
      nextPlan(1, {
        plan: planRow({ appointmentId: 1, revision: 2, status: 'cancelled' }),
        reminders: [newReminder({ reminderTime: minutes(5), recipient: client, channel: 'SMS' })],
      }),
    ])
    const find = async (...people: (typeof patient | typeof client)[]) =>
      (
        await storage.reminders.ofPeople(
          people.map((recipient) => ({ organizationId, recipient })),
          t0,
          minutes(10),
        )
      )
        .map((row) => `${row.appointmentId} ${row.recipient.type}`)
        .toSorted()
    expect(await find(patient)).toEqual(['2 PATIENT'])
    expect(await find(patient, client)).toEqual(['1 CLIENT', '2 CLIENT', '2 PATIENT'])
    expect(await find()).toEqual([])
  })

  it('withdraws with a plan the notices that nothing is to be said by any more', async () => {
    const { storage } = await migrated()
    await planOne(storage)
    const [waiting, sending] = await queue(storage, [
      newDelivery({ category: 'CANCELLATION' }),
      newDelivery({ recipient: client }),
    ])
    if (!waiting || !sending) throw new Error('nothing queued')
    await commit(storage, sendIntent(deliveryWork(sending), { guard: guard() }))
    const mend = async (...mended: number[]) =>
      (await storage.plans.apply([nextPlan(1, { mended })])).map(({ status }) => status)
    // What was decided with it in mind is not so any more.
    expect(await mend(waiting.id, sending.id)).toEqual(['conflict'])
    expect(await storage.deliveries.get(waiting.id)).toMatchObject({ state: 'queued', reason: null })
    expect(await mend(waiting.id, 999_999)).toEqual(['applied'])
    expect(await storage.deliveries.get(waiting.id)).toMatchObject({
      state: 'cancelled',
      reason: 'mended',
      dueAt: null,
    })
    expect(await storage.deliveries.get(sending.id)).toMatchObject({ state: 'sending', reason: null })
    const decisions = await storage.decisions.list(organizationId, 100)
    const entries = decisions.flatMap((one) => one.entries).filter(({ rule }) => rule === 'mended')
    expect(entries).toMatchObject([{ action: 'cancelled', category: 'CANCELLATION', notificationId: waiting.id }])
  })
}
