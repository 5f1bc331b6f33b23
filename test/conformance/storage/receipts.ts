import { expect, it } from 'vitest'
import { bucketOf } from '../../../src/domain/histogram.ts'
import { type DeliveryRow, type ReceiptCommand, type ReportedState, reportedStates } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { dueDeliveries, minutes, type Starter } from './harness.ts'
import { leftBy } from './receipt-steps.ts'
import {
  ada,
  addressReport,
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
  took,
} from './rows.ts'

const receipt = (id: number, status: ReportedState, change: Partial<ReceiptCommand> = {}): ReceiptCommand => ({
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

/** What was reported beyond the status, as counted. */
const reported = async (storage: Store) =>
  (await storage.statistics.counts({})).flatMap(({ measure, detail, count }) =>
    measure === 'REPORTED' && count > 0 ? [detail] : [],
  )

export function receipts({ migrated }: Starter): void {
  const arrivals: ReadonlySet<ReportedState> = new Set(['SENT', 'DELIVERED', 'READ', 'COMPLAINED'])
  for (const [place, state] of reportedStates.entries()) {
    for (const later of reportedStates.slice(place + 1)) {
      it(`moves ${state} forward to ${later}, its reminder, counters and story too, and never back`, async () => {
        const { storage } = await migrated()
        const row = await settled(storage, 'sent')
        if (state !== 'SENT') await took(storage, receipt(row.id, state, { at: minutes(3) }))
        expect(await took(storage, receipt(row.id, later))).toBe(true)
        const bounced = later === 'BOUNCED' || (later === 'COMPLAINED' && state === 'BOUNCED')
        const status = bounced ? 'BOUNCED' : arrivals.has(later) ? 'DELIVERED' : 'FAILED'
        const failed = status !== 'DELIVERED'
        const arrivedAt = arrivals.has(state) && state !== 'SENT' ? minutes(3) : arrivals.has(later) ? minutes(5) : null
        const after = await storage.deliveries.get(row.id)
        expect(after).toMatchObject({
          status,
          state: 'settled',
          sentAt: minutes(1),
          deliveredAt: arrivedAt,
          deliveryDetail: {
            ...(state === 'SENT' ? {} : { [state.toLowerCase()]: minutes(3) }),
            [later.toLowerCase()]: minutes(5),
          },
          errorCode: failed ? 'smtp_511' : null,
          errorMessage: failed ? 'no such mailbox' : null,
        })
        const reminder = { dueAt: null, sentAt: minutes(1) }
        expect(await storage.reminders.get(row.reminderId ?? 0)).toMatchObject(
          failed
            ? { ...reminder, status: 'FAILED', errorMessage: 'no such mailbox' }
            : { ...reminder, status: 'SENT', errorMessage: null },
        )
        expect(await countOf(storage)).toEqual({ [status]: 1 })
        const words = [state, later].filter((one) => one === 'READ' || one === 'COMPLAINED')
        expect(await reported(storage)).toEqual(words.map((one) => one.toLowerCase()).sort())
        const told = await stories(storage)
        const rule = `reported_${later.toLowerCase()}`
        const isFault = later === 'FAILED' || later === 'BOUNCED'
        const line = { notificationId: row.id, offset: '24h', ...(isFault ? { detail: 'smtp_511' } : {}) }
        expect(told.filter((entry) => entry.rule === rule)).toMatchObject([line])
        // Once more, and what stands below.
        for (const earlier of reportedStates.slice(0, place + 1)) {
          expect(await took(storage, receipt(row.id, earlier, { at: minutes(9) }))).toBe(false)
        }
        expect(await took(storage, receipt(row.id, later, { at: minutes(9) }))).toBe(false)
        expect(await storage.deliveries.get(row.id)).toMatchObject({ status, deliveredAt: arrivedAt })
        expect(await countOf(storage)).toEqual({ [status]: 1 })
        expect(await stories(storage)).toEqual(told)
        expect(await dueDeliveries(storage, minutes(10_000), 10)).toEqual([])
      })
    }
  }

  it('notes when it was in a state of which it is told late, and nothing of one that it knows', async () => {
    const { storage } = await migrated()
    const row = await settled(storage, 'sent')
    const outcomes = await storage.deliveries.recordReceipts([
      receipt(row.id, 'READ', { at: minutes(6) }),
      receipt(row.id, 'DELIVERED', { at: minutes(4) }),
      receipt(row.id, 'DELIVERED', { at: minutes(7) }),
      receipt(row.id, 'SENT', { at: minutes(2) }),
    ])
    expect(outcomes).toEqual(['changed', 'noted', 'ignored', 'ignored'])
    const detail = { read: minutes(6), delivered: minutes(4) }
    expect(await storage.deliveries.get(row.id)).toMatchObject({ deliveredAt: minutes(4), deliveryDetail: detail })
    const times = (await storage.statistics.counts({})).filter(
      ({ measure, count }) => measure === 'DELIVERY_TIME' && count,
    )
    expect(times).toMatchObject([{ detail: String(bucketOf(3 * 60_000)), count: 1 }])
  })

  it('ends in the same rows whatever the order, doubled, and with the answer to the send anywhere among them', async () => {
    const { storage } = await migrated()
    // Made up anew from the same seed: six reports at most, some of the same state.
    let seed = 7
    const below = (count: number) => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % count
    }
    for (let run = 0; run < 30; run += 1) {
      const list = Array.from({ length: below(7) }, (_, place) => ({
        state: reportedStates[below(reportedStates.length)] ?? 'SENT',
        at: 2 + 3 * place + below(3),
      }))
      const steps = [...list, ...list, 'answer' as const]
        .map((step) => ({ step, place: below(1000) }))
        .sort((one, other) => one.place - other.place)
        .map(({ step }) => step)
      const [shuffled, inOrder] = [await leftBy(storage, steps), await leftBy(storage, ['answer', ...list])]
      expect(shuffled, JSON.stringify(steps)).toEqual(inOrder)
    }
  })

  it('notes once that nothing was reported in time, and takes it back with a report', async () => {
    const { storage } = await migrated()
    const [silent, delivered] = [await settled(storage, 'sent'), await settled(storage, 'sent', { appointmentId: 101 })]
    await took(storage, receipt(delivered.id, 'DELIVERED'))
    const query = { channel: 'EMAIL', until: minutes(60), limit: 10 } as const
    const found = await storage.deliveries.silent({ ...query, after: { createdAt: new Date(0), id: 0 } })
    expect(found.map(({ id }) => id)).toEqual([silent.id])
    const after = { createdAt: silent.createdAt, id: silent.id }
    expect(await storage.deliveries.silent({ ...query, after })).toEqual([])
    const sms = { ...query, channel: 'SMS', after: { createdAt: new Date(0), id: 0 } } as const
    expect(await storage.deliveries.silent(sms)).toEqual([])
    expect(await storage.deliveries.markUnreported([silent.id, delivered.id], minutes(90))).toEqual([true, false])
    expect(await storage.deliveries.markUnreported([silent.id], minutes(95))).toEqual([false])
    expect(await storage.deliveries.get(silent.id)).toMatchObject({
      status: 'SENT',
      deliveryDetail: { unreported: minutes(90) },
    })
    expect(await reported(storage)).toEqual(['unreported'])
    expect((await stories(storage)).at(-1)).toMatchObject({ action: 'unconfirmed', rule: 'never_reported' })
    expect(await took(storage, receipt(silent.id, 'READ', { at: minutes(99) }))).toBe(true)
    expect((await storage.deliveries.get(silent.id))?.deliveryDetail).toEqual({ read: minutes(99) })
    expect(await reported(storage)).toEqual(['read'])
  })

  it('finds messages by the ids that their providers gave them', async () => {
    const { storage } = await migrated()
    const row = await settled(storage, 'sent')
    expect((await storage.deliveries.ofProvider(['p', 'q'])).map(({ id }) => id)).toEqual([row.id])
    expect(await storage.deliveries.ofProvider([])).toEqual([])
  })

  it('suppresses the address of a complaint with it, once: the same again does not bind a new consent', async () => {
    const { storage } = await migrated()
    const row = await settled(storage, 'sent')
    const address = addressReport({ kind: 'suppressed', cause: 'complaint', code: 'abuse' })
    const complaint = receipt(row.id, 'COMPLAINED', { address })
    expect(await took(storage, complaint)).toBe(true)
    const find = async () => (await storage.addresses.find([ada]))[0]
    expect(await find()).toMatchObject({ suppression: { cause: 'complaint', code: 'abuse', since: minutes(5) } })
    const suppressed = (await storage.statistics.counts({})).filter(({ measure }) => measure === 'SUPPRESSED')
    expect(suppressed).toMatchObject([{ detail: 'abuse', count: 1 }])
    const consent = { givenBy: 'the patient', how: 'by phone', at: minutes(6) }
    await storage.addresses.lift({ ...ada, isShared: false, consent, at: minutes(7) })
    expect(await took(storage, { ...complaint, at: minutes(8) })).toBe(false)
    expect(await find()).toMatchObject({ suppression: null })
  })

  it('counts each on its day, also where the failure becomes known days later', async () => {
    const { storage } = await migrated()
    const [sent, unknown] = [await settled(storage, 'sent'), await settled(storage, 'unknown', { appointmentId: 101 })]
    for (const { id } of [sent, unknown]) {
      await took(storage, receipt(id, 'FAILED', { at: minutes(3 * 24 * 60) }))
      await took(storage, receipt(id, 'DELIVERED', { at: minutes(4 * 24 * 60) }))
      await took(storage, receipt(id, 'BOUNCED', { at: minutes(5 * 24 * 60) }))
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
      expect(await took(storage, receipt(row.id, 'FAILED', change))).toBe(true)
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
      expect(await took(storage, receipt(row.id, 'FAILED', change))).toBe(false)
      const [due] = await dueDeliveries(storage, minutes(15), 10)
      if (due === undefined) throw new Error('expected it to be due')
      const next = await commit(storage, sendIntent(deliveryWork(due), { leaseUntil: minutes(17) }), minutes(15))
      if (next === null) throw new Error('expected it to be claimed')
      expect(next).toMatchObject({ attempts: 2, reminderId: row.reminderId })
      expect(await took(storage, receipt(row.id, 'FAILED', change))).toBe(false)
      await storage.deliveries.settle([settleCommand(next, { kind: 'sent', providerMessageId: 'q', lateMs: 0 })])
      for (const status of ['SENT', 'FAILED', 'BOUNCED'] as const) {
        expect(await took(storage, receipt(row.id, status, change))).toBe(false)
      }
      expect(await storage.deliveries.get(row.id)).toMatchObject({ status: 'SENT', providerMessageId: 'q' })
      expect(await countOf(storage)).toEqual({ SENT: 1 })
      const last = receipt(row.id, 'FAILED', { providerMessageId: 'q' })
      expect(await took(storage, last)).toBe(true)
      expect(await countOf(storage)).toEqual({ FAILED: 1 })
      expect(await storage.reminders.get(row.reminderId ?? 0)).toMatchObject({ status: 'FAILED' })
    })
  }

  it.each(['p', null])('settles one that waits to be tried again by a late DELIVERED of %s', async (messageId) => {
    const { storage } = await migrated()
    const row = await settled(storage, 'sent')
    await took(storage, receipt(row.id, 'FAILED', { retryAt: minutes(15), providerMessageId: 'p' }))
    for (const status of ['SENT', 'FAILED', 'BOUNCED'] as const) {
      expect(await took(storage, receipt(row.id, status, { providerMessageId: 'p' }))).toBe(false)
    }
    const arrived = receipt(row.id, 'DELIVERED', { providerMessageId: messageId })
    expect(await took(storage, arrived)).toBe(true)
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
    expect(await took(storage, arrived)).toBe(false)
  })

  it('settles one that is being sent as FAILED, where it can be of no other attempt, and keeps both ids', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    expect(await took(storage, receipt(held.id, 'FAILED'))).toBe(true)
    const sent = settleCommand(held, { kind: 'sent', providerMessageId: 'p' })
    expect(await storage.deliveries.settle([sent])).toEqual([false])
    const after = await storage.deliveries.get(held.id)
    expect(after).toMatchObject({ status: 'FAILED', providerMessageId: 'p', sentAt: minutes(1), errorCode: 'smtp_511' })
    expect(await storage.reminders.get(held.reminderId ?? 0)).toMatchObject({ status: 'FAILED' })
    expect(await countOf(storage)).toEqual({ FAILED: 1 })

    const other = await claimOne(storage, { plan: planRow({ appointmentId: 101 }) })
    const again = receipt(other.id, 'FAILED', { retryAt: minutes(15), providerMessageId: 'p' })
    expect(await took(storage, again)).toBe(true)
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
      expect(await took(storage, receipt(row.id, status))).toBe(true)
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
      expect(await took(storage, receipt(row.id, 'SENT'))).toBe(false)
    })
  }

  for (const status of ['SENT', 'DELIVERED', 'BOUNCED'] as const) {
    it(`settles one that is being sent as ${status}, its reminder too, and counts it once`, async () => {
      const { storage } = await migrated()
      const held = await claimOne(storage)
      expect(await took(storage, receipt(held.id, status))).toBe(true)
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
      // The answer adds the provider's id, and when it was accepted.
      const updatedAt = status === 'SENT' ? minutes(1) : minutes(5)
      const answered = { ...after, providerMessageId: 'p', sentAt: minutes(1), updatedAt }
      expect(await storage.deliveries.get(held.id)).toEqual(answered)
      expect(await countOf(storage)).toEqual({ [status]: 1 })
      const rows = await storage.statistics.counts({ organizationId })
      expect(rows.filter(({ measure, count }) => measure === 'LATENESS' && count > 0)).toHaveLength(1)
      expect(await dueDeliveries(storage, minutes(10_000), 10)).toEqual([])
    })
  }

  it('settles one that waits to be sent again after an unknown outcome', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    const again = { kind: 'retry', dueAt: minutes(9), ...failure, countAttempt: true, unknown: true } as const
    await storage.deliveries.settle([settleCommand(held, again)])
    expect(await took(storage, receipt(held.id, 'DELIVERED'))).toBe(true)
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
      for (const status of statuses) expect(await took(storage, receipt(id, status))).toBe(false)
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
    expect(await took(storage, receipt(held.id, 'FAILED'))).toBe(false)
    expect(await storage.deliveries.get(held.id)).toEqual(sending)
  })

  it('lets what failed at the send be delivered all the same', async () => {
    const { storage } = await migrated()
    const row = await settled(storage, 'failed')
    expect(await took(storage, receipt(row.id, 'SENT'))).toBe(false)
    expect(await took(storage, receipt(row.id, 'DELIVERED'))).toBe(true)
    expect(await storage.deliveries.get(row.id)).toMatchObject({ status: 'DELIVERED', sentAt: minutes(5) })
    expect(await storage.reminders.get(row.reminderId ?? 0)).toMatchObject({ status: 'SENT', errorMessage: null })
    expect(await countOf(storage)).toEqual({ DELIVERED: 1 })
  })

  it('takes one of two receipts that arrive at once', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    const row = await settled(storage, 'sent')
    const taken = await Promise.all([
      took(storage, receipt(row.id, 'BOUNCED')),
      took(other, receipt(row.id, 'BOUNCED')),
    ])
    expect(taken.filter(Boolean)).toHaveLength(1)
  })
}
