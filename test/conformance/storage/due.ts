import { expect, it } from 'vitest'
import {
  type DuePage,
  type DueQuery,
  leaseChallengeMs,
  type NewReminder,
  type SendQueue,
  type Share,
} from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { minutes, type Starter, t0, textIds } from './harness.ts'
import {
  claimOne,
  newDelivery,
  newReminder,
  organizationId,
  planCommand,
  planRow,
  queue,
  settleCommand,
} from './rows.ts'

const quiet = '22222222-3333-4444-8555-666666666666'
const email = (of: string): SendQueue => ({ organizationId: of, channel: 'EMAIL' })

type Booking = {
  readonly id: number | string
  readonly of?: string
  readonly reminders?: readonly Partial<NewReminder>[]
}

const book = (storage: Store, bookings: readonly Booking[]) =>
  storage.plans.apply(
    bookings.map(({ id, of = organizationId, reminders = [{}] }) =>
      planCommand({
        plan: planRow({ appointmentId: id, organizationId: of }),
        reminders: reminders.map(newReminder),
      }),
    ),
  )

const notices = (storage: Store, count: number, of: string, dueAt: Date) =>
  queue(
    storage,
    Array.from({ length: count }, (_, index) =>
      newDelivery({ organizationId: of, appointmentId: 1000 + index, category: 'WAITLIST', dueAt }),
    ),
  )

type Page = DuePage<SendQueue & { readonly id: number }>

/** The rows of both kinds; neither is read in another way than the other. */
const kinds = [
  {
    what: 'reminders',
    fill: (storage: Store, count: number, of: string, at: Date) =>
      book(
        storage,
        Array.from({ length: count }, (_, index) => ({
          id: index + (of === quiet ? 5000 : 0),
          of,
          reminders: [{ reminderTime: at }],
        })),
      ),
    due: (storage: Store, query: DueQuery): Promise<Page> => storage.reminders.due(query),
  },
  {
    what: 'deliveries',
    fill: notices,
    due: (storage: Store, query: DueQuery): Promise<Page> => storage.deliveries.due(query),
  },
] as const

export function due({ migrated }: Starter): void {
  for (const { what, fill, due: read } of kinds) {
    it(`lets a queue with many due ${what} hide no other`, async () => {
      const { storage } = await migrated()
      await fill(storage, 30, organizationId, t0)
      await fill(storage, 12, quiet, minutes(1))
      const page = await read(storage, { now: minutes(1), limit: 10 })
      const queues = Map.groupBy(page.rows, (row) => row.organizationId)
      expect([...queues].map(([of, rows]) => [of, rows.length])).toEqual([
        [organizationId, 10],
        [quiet, 10],
      ])
      expect(page.more).toHaveLength(2)
      expect(page.more).toEqual(expect.arrayContaining([email(organizationId), email(quiet)]))
    })

    it(`says of which queues there may be more due ${what}`, async () => {
      const { storage } = await migrated()
      await fill(storage, 10, organizationId, t0)
      await fill(storage, 3, quiet, minutes(1))
      expect((await read(storage, { now: minutes(1), limit: 20 })).more).toEqual([])
      const page = await read(storage, { now: minutes(1), limit: 10 })
      expect(page.rows).toHaveLength(13)
      expect(page.more).toEqual([email(organizationId)])
      expect((await read(storage, { now: t0, limit: 10 })).rows).toHaveLength(10)
    })

    it(`leaves out the due ${what} of excepted queues, also where they fill the head`, async () => {
      const { storage } = await migrated()
      await fill(storage, 30, organizationId, t0)
      await fill(storage, 3, quiet, minutes(1))
      const except = [email(organizationId)]
      for (const limit of [10, 1000]) {
        const page = await read(storage, { now: minutes(1), limit, except })
        expect(page.rows.map((row) => row.organizationId)).toEqual([quiet, quiet, quiet])
        expect(page.more).toEqual([])
      }
      const other = await read(storage, { now: minutes(1), limit: 1000, except: [{ organizationId, channel: 'SMS' }] })
      expect(other.rows).toHaveLength(33)
    })

    it(`splits the due ${what} into parts, each row in one`, async () => {
      const { storage } = await migrated()
      await fill(storage, 40, organizationId, t0)
      const parts = await Promise.all(
        [0, 1, 2].map((index) => read(storage, { now: t0, limit: 100, share: { index, of: 3 } })),
      )
      const ids = parts.flatMap((page) => page.rows.map((row) => row.id))
      expect(ids).toHaveLength(40)
      expect(new Set(ids).size).toBe(40)
      for (const page of parts) expect(page.rows.length).toBeGreaterThan(5)
      const capped = await read(storage, { now: t0, limit: 5, share: { index: 1, of: 3 } })
      expect(capped.rows).toHaveLength(5)
      expect(capped.more).toEqual([email(organizationId)])
    })

    it(`finds the oldest due ${what} first where there are more queues than the limit`, async () => {
      const { storage } = await migrated()
      const organizations = Array.from({ length: 6 }, (_, index) => `33333333-0000-4000-8000-00000000000${index}`)
      await fill(storage, 4, organizationId, t0)
      for (const [index, of] of organizations.entries()) await notices(storage, 2, of, minutes(9 - index))
      for (const [index, of] of organizations.entries()) {
        const one = { id: 7000 + index, of, reminders: [{ reminderTime: minutes(9 - index) }] }
        await book(storage, [one, { ...one, id: 8000 + index }])
      }
      const page = await read(storage, { now: minutes(10), limit: 4 })
      expect(page.rows.map((row) => row.organizationId)).toEqual([
        ...Array.from({ length: 4 }, () => organizationId),
        ...organizations.slice(2).reverse(),
      ])
    })
  }

  it('keeps everything of an appointment in one part, also with ids that are text', async () => {
    const { storage } = await migrated(textIds)
    const reminders = [1, 2, 3].map((offset) => ({ offset: `${offset}h` }))
    await book(
      storage,
      Array.from({ length: 20 }, (_, index) => ({ id: index === 0 ? 'x' : `appt-${index}`, reminders })),
    )
    const part = async (share: Share) => (await storage.reminders.due({ now: t0, limit: 500, share })).rows
    const parts = await Promise.all([0, 1].map((index) => part({ index, of: 2 })))
    expect(parts.flat()).toHaveLength(60)
    const owners = parts.map((rows) => new Set(rows.map((row) => row.appointmentId)))
    expect(owners.map((ids) => ids.size).reduce((sum, count) => sum + count)).toBe(20)
    for (const ids of owners) expect(ids.size).toBeGreaterThan(0)
  })

  it('adds what the limit cut off of an appointment, of the same channel only', async () => {
    const { storage } = await migrated()
    await book(storage, [
      {
        id: 100,
        reminders: [
          { offset: '3h', reminderTime: minutes(1) },
          { offset: '2h', reminderTime: minutes(4) },
          { offset: '2h', channel: 'SMS', reminderTime: minutes(4) },
        ],
      },
      { id: 101, reminders: [{ reminderTime: minutes(2) }] },
    ])
    const page = await storage.reminders.due({ now: minutes(5), limit: 1 })
    const found = page.rows.map(({ appointmentId, channel, offset }) => [appointmentId, channel, offset])
    expect(found).toContainEqual([100, 'EMAIL', '2h'])
    // The other channel is another queue, and has its own place in the answer.
    expect(found).toContainEqual([100, 'SMS', '2h'])
    const only = await storage.reminders.due({
      now: minutes(5),
      limit: 1,
      except: [{ organizationId, channel: 'SMS' }],
    })
    expect(only.rows.map((row) => row.channel)).toEqual(['EMAIL', 'EMAIL'])
  })

  it('tells the next due time after an instant', async () => {
    const { storage } = await migrated()
    await book(storage, [{ id: 1, reminders: [{ reminderTime: minutes(5) }] }])
    await notices(storage, 1, organizationId, minutes(2))
    expect(await storage.deliveries.nextDueAt()).toEqual(minutes(2))
    expect(await storage.deliveries.nextDueAt(minutes(1))).toEqual(minutes(2))
    expect(await storage.deliveries.nextDueAt(minutes(2))).toEqual(minutes(5))
    expect(await storage.deliveries.nextDueAt(minutes(5))).toBeNull()
  })

  it('finds reminders by their ids', async () => {
    const { storage } = await migrated()
    await book(storage, [{ id: 1 }, { id: 2 }, { id: 3 }])
    const all = (await storage.reminders.due({ now: t0, limit: 10 })).rows
    const found = await storage.reminders.find([...all.slice(1).map((row) => row.id), 999_999])
    expect(found.toSorted((one, other) => one.id - other.id)).toEqual(all.slice(1))
    expect(await storage.reminders.find([])).toEqual([])
  })

  it('moves the lease of what is being sent, for its holder only', async () => {
    const { storage } = await migrated()
    const { id, fence } = await claimOne(storage)
    expect(await storage.deliveries.claims()).toEqual([{ id, fence, since: t0, until: minutes(2) }])
    const renewed = { leaseUntil: minutes(3), at: minutes(1) }
    expect(
      await storage.deliveries.renew([
        { id, fence: fence + 1, ...renewed },
        { id, fence, ...renewed },
        { id: id + 1, fence, ...renewed },
      ]),
    ).toEqual([false, true, false])
    expect(await storage.deliveries.claims()).toEqual([{ id, fence, since: minutes(1), until: minutes(3) }])
    expect((await storage.deliveries.due({ now: minutes(1000), limit: 10 })).rows).toEqual([])
    expect(await storage.deliveries.nextDueAt()).toBeNull()
    expect(await storage.deliveries.dueTimes(t0, minutes(1000), 10)).toEqual([])
    await storage.deliveries.settle([settleCommand({ id, fence })])
    expect(await storage.deliveries.claims()).toEqual([])
    expect(await storage.deliveries.renew([{ id, fence, ...renewed }])).toEqual([false])
    expect(await storage.deliveries.nextDueAt()).toBeNull()
    expect(await storage.deliveries.renew([])).toEqual([])
  })

  it('challenges a holder once, and only as its lease was seen', async () => {
    const { storage, another } = await migrated()
    const { id, fence } = await claimOne(storage)
    const [claim] = await storage.deliveries.claims()
    if (claim === undefined) throw new Error('expected a claim')
    const both = [storage, await another()].map((one) => one.deliveries.challenge([claim]))
    expect((await Promise.all(both)).flat().toSorted()).toEqual([false, true])
    const challenged = { ...claim, until: new Date(minutes(2).getTime() + leaseChallengeMs) }
    expect(await storage.deliveries.claims()).toEqual([challenged])
    const others = [claim, { ...challenged, fence: fence + 1 }, { ...challenged, id: id + 1 }]
    expect(await storage.deliveries.challenge(others)).toEqual([false, false, false])
    // Its holder answers without knowing, and may settle all the same.
    expect(await storage.deliveries.renew([{ id, fence, leaseUntil: minutes(3), at: minutes(1) }])).toEqual([true])
    expect(await storage.deliveries.challenge([challenged])).toEqual([false])
    expect(await storage.deliveries.settle([settleCommand({ id, fence })])).toEqual([true])
    expect(await storage.deliveries.challenge([])).toEqual([])
  })
}
