import { expect, it } from 'vitest'
import { attendanceKey, attendanceOf } from '../../../src/domain/attendance.ts'
import { bucketOf } from '../../../src/domain/histogram.ts'
import type { Count, CountQuery, LeadTime } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { dueDeliveries, minutes, type Starter, t0 } from './harness.ts'
import {
  about,
  addressReport,
  applied,
  claimOne,
  commit,
  deliveryWork,
  failure,
  guard,
  newDelivery,
  newReminder,
  nextPlan,
  noPreferences,
  organizationId,
  patient,
  planCommand,
  planOne,
  planRow,
  queue,
  sendIntent,
  settleCommand,
  startsAt,
  took,
} from './rows.ts'

const counted = async (storage: Store, measure: Count['measure'], query: CountQuery = {}) =>
  (await storage.statistics.counts(query)).filter((one) => one.measure === measure)

const email = { channel: 'EMAIL', category: 'REMINDER' } as const

export function statistics({ migrated }: Starter): void {
  it('counts what is planned, withdrawn and queued, each with its rule', async () => {
    const { storage } = await migrated()
    await planOne(storage, { reminders: [newReminder(), newReminder({ channel: 'SMS' })] })
    await storage.plans.apply([nextPlan(1, { reminders: [], supersededBy: 'appointment_moved' })])
    await queue(storage, [newDelivery({ dedupeKey: 'once' }), newDelivery({ dedupeKey: 'once' })])
    await queue(storage, [newDelivery()])
    expect(await counted(storage, 'PLANNED')).toMatchObject([
      { channel: 'EMAIL', category: 'CONFIRMATION', count: 2 },
      { ...email, count: 1 },
      { channel: 'SMS', category: 'REMINDER', count: 1 },
    ])
    expect(await counted(storage, 'WITHDRAWN')).toMatchObject([
      { ...email, detail: 'appointment_moved', count: 1 },
      { channel: 'SMS', detail: 'appointment_moved', count: 1 },
    ])
    expect(await counted(storage, 'SKIPPED')).toMatchObject([{ detail: 'duplicate', count: 1 }])
    expect(await counted(storage, 'CANCELLED')).toMatchObject([
      { category: 'CONFIRMATION', detail: 'superseded', count: 1 },
    ])
  })

  it('counts who was left out once an event, not once a re-plan', async () => {
    const { storage } = await migrated()
    const skipped = { action: 'skipped', rule: 'no_contact', category: 'REMINDER', channel: 'SMS' } as const
    await storage.plans.apply([planCommand({ decision: [skipped] })])
    const again = { plan: planRow({ revision: 2 }), decision: [skipped] }
    await storage.plans.apply([nextPlan(1, again)])
    expect(await counted(storage, 'SKIPPED')).toMatchObject([{ channel: 'SMS', detail: 'no_contact', count: 1 }])
    await storage.plans.apply([nextPlan(2, { decision: [skipped] })])
    expect(await counted(storage, 'SKIPPED')).toMatchObject([{ channel: 'SMS', detail: 'no_contact', count: 2 }])
  })

  it('counts by provider, and keeps the times to sent and to delivered as histograms', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    const sent = { kind: 'sent', providerMessageId: null, lateMs: 700 } as const
    await storage.deliveries.settle([settleCommand(held, sent)])
    expect(await counted(storage, 'SENT')).toMatchObject([{ ...email, provider: 'smtp', count: 1 }])
    expect(await counted(storage, 'LATENESS')).toMatchObject([{ ...email, detail: String(bucketOf(700)), count: 1 }])
    const receipt = { id: held.id, status: 'DELIVERED', at: minutes(3), errorCode: null, errorMessage: null } as const
    await took(storage, receipt)
    expect(await counted(storage, 'SENT')).toEqual([])
    expect(await counted(storage, 'DELIVERED')).toMatchObject([{ provider: 'smtp', count: 1 }])
    expect(await counted(storage, 'DELIVERY_TIME')).toMatchObject([{ detail: String(bucketOf(120_000)), count: 1 }])
    expect(await counted(storage, 'DELIVERED', { provider: 'other' })).toEqual([])
    expect(await counted(storage, 'DELIVERED', { channel: 'SMS' })).toEqual([])
    expect(await counted(storage, 'DELIVERED', { category: 'REMINDER', channel: 'EMAIL' })).toHaveLength(1)
  })

  it('sums over days and organizations, or reads one of them', async () => {
    const { storage } = await migrated()
    for (const [index, organization] of ['one', 'two', 'two'].entries()) {
      const [row] = await storage.deliveries.enqueue(
        [newDelivery({ organizationId: organization, appointmentId: null })],
        { ...about([], null), organizationId: organization },
        t0,
      )
      const free = guard({ plan: null, settings: { organizationId: organization, revision: 0 } })
      const claimed = await commit(storage, sendIntent(deliveryWork(row ?? { id: 0, fence: 0 }), { guard: free }))
      const at = minutes(index * 24 * 60)
      await storage.deliveries.settle([
        settleCommand(claimed ?? { id: 0, fence: 0 }, { kind: 'failed', ...failure }, { at }),
      ])
    }
    const failed = async (query: CountQuery) => (await counted(storage, 'FAILED', query)).map((one) => one.count)
    expect(await failed({})).toEqual([3])
    expect(await failed({ organizationId: 'two' })).toEqual([2])
    expect(await failed({ organizationId: 'nobody' })).toEqual([])
    expect(await failed({ from: '2031-03-11' })).toEqual([2])
    expect(await failed({ organizationId: 'two', to: '2031-03-11' })).toEqual([1])
    expect(await storage.statistics.countsByDay({ from: '2031-03-11' })).toEqual([
      { day: '2031-03-11', measure: 'FAILED', count: 1 },
      { day: '2031-03-12', measure: 'FAILED', count: 1 },
    ])
  })

  it('begins no more messages of an organization in a day than its cap, whoever claims', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    const rows = await queue(
      storage,
      Array.from({ length: 12 }, () => newDelivery({ category: 'WAITLIST', appointmentId: null })),
    )
    const free = guard({ plan: null })
    const claim = (row: (typeof rows)[number], at = t0) =>
      sendIntent(deliveryWork(row), { guard: free, cap: 5, leaseUntil: minutes(2, at) })
    // On a slow machine one may not have its turn in time: it is held, and tried again.
    const inTurn = async (command: ReturnType<typeof claim>, by: Store): Promise<string | undefined> => {
      const [outcome] = await by.deliveries.commitIntents([command], t0)
      return outcome?.status === 'held' ? inTurn(command, by) : outcome?.status
    }
    const statuses = await Promise.all(rows.map((row, index) => inTurn(claim(row), index % 2 === 0 ? storage : other)))
    expect(statuses.filter((status) => status === 'committed')).toHaveLength(5)
    expect(statuses.filter((status) => status === 'capped')).toHaveLength(7)
    const capped = rows.filter((_row, index) => statuses[index] === 'capped')
    expect(await dueDeliveries(storage, t0, 20)).toHaveLength(7)
    const next = minutes(24 * 60)
    const outcomes = await storage.deliveries.commitIntents(
      capped.map((row) => claim(row, next)),
      next,
    )
    expect(outcomes.map(({ status }) => status)).toEqual([...Array(5).fill('committed'), 'capped', 'capped'])
  })

  it('begins no more by an account in a day than its limit, of all organizations and attempts, whoever claims', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    const rows = await queue(
      storage,
      Array.from({ length: 9 }, () => newDelivery({ category: 'WAITLIST', appointmentId: null })),
    )
    const limit = { account: 'key-1-email', perDay: 4 }
    const free = guard({ plan: null })
    const claim = (row: (typeof rows)[number], at = t0) =>
      sendIntent(deliveryWork(row), { guard: free, cap: 5, limit, leaseUntil: minutes(2, at) })
    const inTurn = async (command: ReturnType<typeof claim>, by: Store): Promise<string | undefined> => {
      const [outcome] = await by.deliveries.commitIntents([command], t0)
      return outcome?.status === 'held' ? inTurn(command, by) : outcome?.status
    }
    const statuses = await Promise.all(rows.map((row, index) => inTurn(claim(row), index % 2 === 0 ? storage : other)))
    expect(statuses.toSorted()).toEqual([...Array(4).fill('committed'), ...Array(5).fill('limited')])
    const limited = rows.filter((_row, index) => statuses[index] === 'limited')
    expect(await dueDeliveries(storage, t0, 20)).toHaveLength(5)
    // What the account could not send does not count for its organization: another account may send one more.
    const elsewhere = limited.map((row) => ({ ...claim(row), limit: { account: 'key-2-email', perDay: 9 } }))
    const [first, second] = await storage.deliveries.commitIntents(elsewhere.slice(0, 2), t0)
    expect([first?.status, second?.status]).toEqual(['committed', 'capped'])
    const next = minutes(24 * 60)
    const left = limited.slice(1).map((row) => claim(row, next))
    const outcomes = await storage.deliveries.commitIntents(left, next)
    expect(outcomes.map(({ status }) => status)).toEqual(Array(4).fill('committed'))
  })

  it('counts opt-outs when a wish becomes a no, and suppressed addresses once', async () => {
    const { storage } = await migrated()
    await storage.preferences.create(organizationId, patient, { ...noPreferences, smsEnabled: false }, null, t0)
    await storage.preferences.update(patient, { smsEnabled: false, appointmentReminder: false }, null, t0)
    await storage.preferences.update(patient, { smsEnabled: true }, null, t0)
    await storage.preferences.update(patient, { smsEnabled: false }, null, t0)
    const optOuts = await counted(storage, 'OPT_OUT')
    expect(optOuts).toHaveLength(2)
    expect(optOuts).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ channel: 'SMS', category: null, count: 2 }),
        expect.objectContaining({ channel: null, category: 'REMINDER', count: 1 }),
      ]),
    )
    const address = addressReport({ kind: 'suppressed', cause: 'failure', code: 'smtp_550' })
    const entitled = guard({ preferences: [{ recipient: patient, revision: 4 }] })
    for (const appointmentId of [100, 101]) {
      const id = await planOne(storage, { plan: planRow({ appointmentId }) })
      const plan = { organizationId, appointmentId, revision: 1 }
      const held = await commit(storage, sendIntent({ kind: 'reminder', id }, { guard: { ...entitled, plan } }))
      const result = { kind: 'failed', ...failure } as const
      await storage.deliveries.settle([settleCommand(held ?? { id: 0, fence: 0 }, result, { address })])
    }
    expect(await counted(storage, 'SUPPRESSED')).toMatchObject([{ ...email, detail: 'smtp_550', count: 1 }])
  })

  it('counts an appointment under its last outcome, with the reminders of this start that went out', async () => {
    const { storage } = await migrated()
    const [outcome] = await storage.plans.apply([
      planCommand({
        reminders: [
          newReminder({ hoursBefore: 24 }),
          newReminder({ offset: '2h', hoursBefore: 2, reminderTime: minutes(22 * 60) }),
          newReminder({ channel: 'SMS', recipient: { type: 'PRACTITIONER', id: 5 } }),
        ],
      }),
    ])
    for (const { id, recipient } of applied(outcome).created) {
      const held = await commit(
        storage,
        sendIntent({ kind: 'reminder', id }, { guard: guard({ preferences: [{ recipient, revision: 0 }] }) }),
      )
      await storage.deliveries.settle([settleCommand(held ?? { id: 0, fence: 0 })])
    }
    const command = {
      organizationId,
      appointmentId: 100,
      startsAt,
      timeZone: 'UTC',
      bookedAt: null,
      at: minutes(30 * 60),
    }
    await storage.statistics.recordOutcome({ ...command, outcome: 'no_show' })
    await storage.statistics.recordOutcome({ ...command, outcome: 'attended' })
    const sent = [
      { channel: 'EMAIL', hoursBefore: 24 },
      { channel: 'EMAIL', hoursBefore: 2 },
    ] as const
    const nobody = { channel: null, category: null, provider: '' }
    expect(await counted(storage, 'OUTCOME')).toEqual([
      { measure: 'OUTCOME', ...nobody, detail: attendanceKey(attendanceOf('attended', sent, '1 to 3 days')), count: 1 },
    ])
    expect(await counted(storage, 'OUTCOME', { from: '2031-03-11', to: '2031-03-11' })).toHaveLength(1)
    await storage.statistics.recordOutcome({ ...command, startsAt: minutes(1, startsAt), outcome: 'attended' })
    expect(await counted(storage, 'OUTCOME')).toMatchObject([
      { detail: attendanceKey(attendanceOf('attended', [], '1 to 3 days')), count: 1 },
    ])
  })

  it('counts an appointment by when it was booked: as the host says, else by its plan, else unknown', async () => {
    const { storage } = await migrated()
    await planOne(storage)
    const command = { organizationId, startsAt, timeZone: 'UTC', at: minutes(30 * 60), outcome: 'no_show' } as const
    const longBefore = minutes(-20 * 24 * 60)
    await storage.statistics.recordOutcome({ ...command, appointmentId: 100, bookedAt: null })
    await storage.statistics.recordOutcome({ ...command, appointmentId: 101, bookedAt: null })
    await storage.statistics.recordOutcome({ ...command, appointmentId: 102, bookedAt: longBefore })
    const details = async () => (await counted(storage, 'OUTCOME')).map(({ detail, count }) => [detail, count])
    const under = (lead: LeadTime) => [attendanceKey(attendanceOf('no_show', [], lead)), 1]
    expect(await details()).toEqual(
      expect.arrayContaining([under('1 to 3 days'), under('unknown'), under('8 to 30 days')]),
    )
    // The host's word comes before that of the plan, and moves the counter.
    await storage.statistics.recordOutcome({ ...command, appointmentId: 100, bookedAt: startsAt })
    expect(await details()).toEqual(
      expect.arrayContaining([under('same day'), under('unknown'), under('8 to 30 days')]),
    )
    expect(await details()).toHaveLength(3)
  })
}
