import { expect, it } from 'vitest'
import { dueDeliveries, minutes, type Starter, t0 } from './harness.ts'
import {
  applied,
  claimOne,
  commit,
  deliveryWork,
  failure,
  guard,
  newDelivery,
  newReminder,
  organizationId,
  planCommand,
  planOne,
  planRow,
  queue,
  reminderWork,
  sendIntent,
  settleCommand,
} from './rows.ts'

const counts = (measure: string, count = 1) => ({ day: '2031-03-10', measure, count })

export function outcomes({ migrated }: Starter): void {
  it('sent: the delivery, its reminder and the counter', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    expect(await storage.deliveries.settle([settleCommand(held)])).toEqual([true])
    expect(await storage.deliveries.get(held.id)).toMatchObject({
      status: 'SENT',
      state: 'settled',
      sentAt: minutes(1),
      providerMessageId: 'provider-1',
      dueAt: null,
      errorCode: null,
      errorMessage: null,
    })
    expect(await storage.reminders.get(held.reminderId ?? 0)).toMatchObject({
      status: 'SENT',
      sentAt: minutes(1),
      subject: 'Appointment reminder',
      message: 'You have an appointment.',
      dueAt: null,
      errorMessage: null,
    })
    expect(await storage.statistics.countsByDay({})).toEqual([counts('SENT')])
    expect(await storage.deliveries.nextDueAt()).toBeNull()
  })

  it('keeps the spans that planned a reminder and that sent it', async () => {
    const { storage } = await migrated()
    const [plannedBy, anotherPlan, sentBy] = ['1', '2', '3'].map((id) => `00-${id.repeat(32)}-${id.repeat(16)}-01`)
    if (plannedBy === undefined || anotherPlan === undefined || sentBy === undefined) throw new Error('three are made')
    const untraced = await claimOne(storage)
    await storage.deliveries.settle([settleCommand(untraced)])
    expect(await storage.reminders.get(untraced.reminderId ?? 0)).not.toHaveProperty('traceContext')
    expect(await storage.deliveries.get(untraced.id)).not.toHaveProperty('traceContext')
    const plan = (traceContext: string) => ({
      plan: planRow({ appointmentId: 101 }),
      reminders: [newReminder({ traceContext })],
    })
    const reminderId = await planOne(storage, plan(plannedBy))
    const [kept] = await storage.plans.apply([planCommand({ ...plan(anotherPlan), expectedRevision: 1 })])
    expect(applied(kept).kept).toMatchObject([{ id: reminderId, traceContext: plannedBy }])
    expect(await storage.reminders.get(reminderId)).toMatchObject({ traceContext: plannedBy })
    const own = guard({ plan: { organizationId, appointmentId: 101, revision: 1 } })
    const held = await commit(storage, sendIntent(reminderWork(reminderId), { guard: own }))
    if (held === null) throw new Error('expected the claim to win')
    const result = { kind: 'sent', providerMessageId: null, traceContext: sentBy } as const
    expect(await storage.deliveries.settle([settleCommand(held, result)])).toEqual([true])
    expect(await storage.deliveries.get(held.id)).toMatchObject({ status: 'SENT', traceContext: sentBy })
    expect(await storage.reminders.get(reminderId)).toMatchObject({ status: 'SENT', traceContext: plannedBy })
  })

  it('failed: the delivery, its reminder and the counter', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    await storage.deliveries.settle([settleCommand(held, { kind: 'failed', ...failure })])
    expect(await storage.deliveries.get(held.id)).toMatchObject({
      status: 'FAILED',
      state: 'settled',
      sentAt: null,
      errorCode: 'smtp_550',
      errorMessage: 'refused',
      dueAt: null,
    })
    expect(await storage.reminders.get(held.reminderId ?? 0)).toMatchObject({
      status: 'FAILED',
      errorMessage: 'refused',
      sentAt: null,
    })
    expect(await storage.statistics.countsByDay({})).toEqual([counts('FAILED')])
  })

  it('retry: queued again, the reminder still PENDING with it', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    const retry = { kind: 'retry', dueAt: minutes(5), ...failure, countAttempt: true, unknown: false } as const
    await storage.deliveries.settle([settleCommand(held, retry)])
    expect(await storage.deliveries.get(held.id)).toMatchObject({
      status: null,
      state: 'queued',
      dueAt: minutes(5),
      attempts: 1,
      unknownOutcomes: 0,
      errorCode: 'smtp_550',
    })
    expect(await storage.reminders.get(held.reminderId ?? 0)).toMatchObject({
      status: 'PENDING',
      dueAt: null,
      notificationId: held.id,
    })
    expect(await storage.statistics.countsByDay({})).toEqual([])
    expect(await dueDeliveries(storage, minutes(4.9), 10)).toEqual([])
    const again = await commit(storage, sendIntent(deliveryWork(held), { leaseUntil: minutes(7) }), minutes(5))
    expect(again).toMatchObject({ attempts: 2 })
    await storage.deliveries.settle([settleCommand(again ?? held)])
    expect(await storage.deliveries.get(held.id)).toMatchObject({ status: 'SENT', errorCode: null, errorMessage: null })
  })

  it('retry: gives the attempt back, and counts what is unknown', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    const result = { kind: 'retry', dueAt: minutes(5), ...failure, countAttempt: false, unknown: true } as const
    await storage.deliveries.settle([settleCommand(held, result)])
    expect(await storage.deliveries.get(held.id)).toMatchObject({ attempts: 0, unknownOutcomes: 1, state: 'queued' })
  })

  it('unknown: due never, the reminder FAILED and says so', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    await storage.deliveries.settle([settleCommand(held, { kind: 'unknown', code: 'timeout', message: 'no answer' })])
    expect(await storage.deliveries.get(held.id)).toMatchObject({
      status: null,
      state: 'unknown',
      unknownOutcomes: 1,
      dueAt: null,
    })
    const reminder = await storage.reminders.get(held.reminderId ?? 0)
    expect(reminder).toMatchObject({ status: 'FAILED', sentAt: null })
    expect(reminder?.errorMessage).toMatch(/unknown/i)
    expect(await storage.statistics.countsByDay({})).toEqual([counts('UNKNOWN')])
    expect(await dueDeliveries(storage, minutes(10_000), 10)).toEqual([])
  })

  it('answers in the order of the commands, and settles each once', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    const [second] = await queue(storage, [newDelivery({ category: 'WAITLIST', channel: 'SMS', appointmentId: null })])
    if (second === undefined) throw new Error('expected a row')
    const commands = [
      settleCommand(second),
      settleCommand(held),
      settleCommand(held),
      settleCommand({ id: 9999, fence: 1 }),
    ]
    // The answer to the first may have been lost: the same again has the same.
    expect(await storage.deliveries.settle(commands)).toEqual([false, true, true, false])
    const claimed = await commit(storage, sendIntent(deliveryWork(second), { guard: guard({ plan: null }) }))
    expect(await storage.deliveries.settle([settleCommand(claimed ?? second)])).toEqual([true])
    expect(await storage.statistics.countsByDay({})).toMatchObject([{ measure: 'SENT', count: 2 }])
  })

  it('counts by organization and UTC day', async () => {
    const { storage } = await migrated()
    const days = ['2031-03-10T23:59:59.999Z', '2031-03-11T00:00:00.000Z', '2031-03-11T05:00:00.000Z']
    for (const [index, day] of days.entries()) {
      const held = await commit(
        storage,
        sendIntent(
          { kind: 'reminder', id: await planOne(storage, { plan: planRow({ appointmentId: index + 1 }) }) },
          { guard: guard({ plan: { organizationId, appointmentId: index + 1, revision: 1 } }) },
        ),
      )
      if (held === null) throw new Error('expected a claim')
      await storage.deliveries.settle([settleCommand(held, undefined, { at: new Date(day) })])
    }
    expect(await storage.statistics.countsByDay({})).toEqual([
      counts('SENT'),
      { ...counts('SENT', 2), day: '2031-03-11' },
    ])
    expect(await storage.statistics.countsByDay({ from: '2031-03-11', to: '2031-03-11' })).toMatchObject([{ count: 2 }])
    expect(await storage.statistics.countsByDay({ to: '2031-03-10', organizationId })).toMatchObject([{ count: 1 }])
    expect(await storage.statistics.countsByDay({ organizationId: 'another-organization' })).toEqual([])
  })

  it('writes the decisions of a settle with it', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    const entry = {
      action: 'failed',
      rule: 'permanent_failure',
      category: 'REMINDER',
      notificationId: held.id,
    } as const
    await storage.deliveries.settle([settleCommand(held, { kind: 'failed', ...failure }, { entries: [entry] })])
    await storage.deliveries.settle([settleCommand(held, { kind: 'failed', ...failure }, { entries: [entry] })])
    const records = await storage.decisions.list(organizationId, 100)
    expect(records.filter((record) => record.entries[0]?.action === 'failed')).toMatchObject([
      { at: minutes(1), entries: [entry] },
    ])
    expect(t0).toEqual(records[0]?.at)
  })
}
