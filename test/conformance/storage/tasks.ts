import { expect, it } from 'vitest'
import type {
  DecisionEntry,
  DeliveryRow,
  IntentCommand,
  PlanCommand,
  TaskCommand,
  TaskReport,
  TaskRow,
  Work,
} from '../../../src/index.ts'
import { reportedFailed } from '../../../src/ports/storage.ts'
import type { Store } from '../../../src/records/store.ts'
import { dueDeliveries, dueReminders, minutes, type Starter, t0 } from './harness.ts'
import {
  about,
  commit,
  content,
  deliveryWork,
  guard,
  newDelivery,
  newReminder,
  nextPlan,
  organizationId,
  patient,
  planOne,
  queue,
  reminderWork,
} from './rows.ts'

type HandOver = Extract<IntentCommand, { kind: 'hand_over' }>
const entry: DecisionEntry = { action: 'handed_over', rule: 'task_manager_delivers', category: 'REMINDER' }

const handOver = (work: Work, change: Partial<HandOver> = {}): HandOver => ({
  kind: 'hand_over',
  work,
  decision: about([entry]),
  guard: guard(),
  content: content(),
  idempotencyKey: `key-${work.kind}-${work.id}`,
  merged: [],
  cap: null,
  task: { facts: '{}', scheduledAt: minutes(60), nextAt: minutes(1) },
  ...change,
})

type Handed = { readonly delivery: DeliveryRow; readonly task: TaskRow; readonly reminderId: number }

const later = newReminder({ reminderTime: minutes(60) })

async function handed(storage: Store, change: Partial<PlanCommand> = { reminders: [later] }): Promise<Handed> {
  const reminderId = await planOne(storage, change)
  const delivery = await commit(storage, handOver(reminderWork(reminderId)))
  const task = await storage.tasks.find({ reminderId })
  if (delivery === null || task === null) throw new Error('expected it to be handed over')
  return { delivery, task, reminderId }
}

type Rest<C> = C extends TaskCommand ? Omit<C, 'task' | 'at' | 'entries'> & { readonly at?: Date } : never
const command = (task: TaskRow, rest: Rest<TaskCommand>): TaskCommand => ({
  task,
  at: minutes(2),
  entries: [],
  ...rest,
})

const acknowledged = (task: TaskRow, taskId = '77') =>
  command(task, {
    kind: 'registered',
    taskId,
    executionId: null,
    body: null,
    nextAt: minutes(45),
    event: 'created',
  })

const report = (notificationId: number, change: Partial<TaskReport> = {}): TaskReport => ({
  notificationId,
  status: 'DELIVERED',
  at: minutes(61),
  deliveredAt: minutes(61),
  providerMessageId: 'msg_1',
  taskId: '77',
  executionId: '5',
  executionMs: 400,
  errorCode: null,
  errorMessage: null,
  ...change,
})

const failedReport = {
  status: 'FAILED',
  deliveredAt: null,
  errorCode: 'reported',
  errorMessage: 'no such box',
} as const

const counts = async (storage: Store) =>
  Object.fromEntries(
    (await storage.statistics.counts({}))
      .filter(({ measure }) => !['PLANNED', 'LATENESS', 'EXECUTION_TIME'].includes(measure))
      .map(({ measure, detail, count }) => [measure === 'TASK' ? `TASK ${detail}` : measure, count] as const)
      .filter(([, count]) => count > 0),
  )

const rulesOf = async (storage: Store) =>
  (await storage.decisions.list(organizationId, 100)).flatMap(({ entries }) => entries.map(({ rule }) => rule))

export function tasks({ migrated }: Starter): void {
  it('creates a task once, also for a caller who read it before it was created', async () => {
    const { storage } = await migrated()
    const { task } = await handed(storage)
    await storage.tasks.apply([command(task, { kind: 'calling' }), acknowledged(task)])
    expect(await storage.tasks.apply([command(task, { kind: 'calling' }), acknowledged(task)])).toEqual([false, true])
    expect(await counts(storage)).toMatchObject({ 'TASK created': 1 })
  })

  it('keeps a task due whose failure was reported before the response to its creation was written', async () => {
    const { storage } = await migrated()
    const { task, reminderId } = await handed(storage)
    const nextAt = minutes(2)
    await storage.tasks.apply([
      command(task, { kind: 'registered', taskId: '77', executionId: '5', body: null, nextAt, event: null }),
      command(task, { kind: 'later', nextAt, unsent: false, errorCode: reportedFailed }),
    ])
    await storage.tasks.apply([acknowledged(task)])
    expect(await storage.tasks.find({ reminderId })).toMatchObject({ nextAt, errorCode: reportedFailed })
  })

  it('hands a reminder over: neither due nor waiting any more, with its text, its delivery and its task', async () => {
    const { storage } = await migrated()
    const { delivery, task, reminderId } = await handed(storage)
    expect(delivery).toMatchObject({
      state: 'handed_over',
      status: null,
      dueAt: null,
      attempts: 0,
      provider: 'task_manager',
    })
    expect(await storage.deliveries.get(delivery.id)).toEqual(delivery)
    expect(await storage.reminders.get(reminderId)).toMatchObject({
      status: 'PENDING',
      dueAt: null,
      notificationId: delivery.id,
      message: 'You have an appointment.',
    })
    expect(task).toMatchObject({
      notificationId: delivery.id,
      taskId: null,
      facts: '{}',
      nextAt: minutes(1),
      attempts: 0,
    })
    expect(await dueReminders(storage, minutes(9999), 10)).toEqual([])
    expect(await dueDeliveries(storage, minutes(9999), 10)).toEqual([])
    expect(await storage.tasks.waiting(null, null, 10)).toEqual([])
    expect(await storage.tasks.due(t0, 10)).toEqual([])
    expect(await storage.tasks.due(minutes(1), 10)).toEqual([task])
    expect(await storage.tasks.find({ notificationId: delivery.id })).toEqual(task)
    expect(await rulesOf(storage)).toContain('task_manager_delivers')
  })

  it('hands over once, and not on what changed meanwhile', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    const id = await planOne(storage, { reminders: [later] })
    const stale = handOver(reminderWork(id), {
      guard: guard({ plan: { organizationId, appointmentId: 100, revision: 9 } }),
    })
    expect(await commit(storage, stale)).toBeNull()
    const won = await Promise.all([storage, other].map((one) => commit(one, handOver(reminderWork(id)))))
    expect(won.filter((row) => row !== null)).toHaveLength(1)
  })

  it('tells what waits to be handed over in the order of time, page by page', async () => {
    const { storage } = await migrated()
    const offsets = ['24h', '2h', '1h', '30m', '15m']
    await planOne(storage, {
      reminders: offsets.map((offset, index) =>
        newReminder({ offset, reminderTime: minutes(10 * Math.min(index, 3)) }),
      ),
    })
    const seen: string[] = []
    let after = null
    for (;;) {
      const page = await storage.tasks.waiting(minutes(30), after, 2)
      seen.push(...page.map((row) => row.offset))
      const last = page.at(-1)
      if (last?.dueAt == null) break
      after = { dueAt: last.dueAt, id: last.id }
    }
    expect(seen).toEqual(offsets)
    expect(await storage.tasks.waiting(minutes(5), null, 10)).toHaveLength(1)
    expect(await storage.tasks.waiting(null, null, 10)).toHaveLength(5)
  })

  it('keeps the ids of an acknowledged task, on reminder and delivery too, and looks again when told', async () => {
    const { storage } = await migrated()
    const { delivery, task, reminderId } = await handed(storage)
    expect(await storage.tasks.apply([acknowledged(task)])).toEqual([true])
    const row = await storage.tasks.find({ reminderId })
    expect(row).toMatchObject({ taskId: '77', nextAt: minutes(45), acknowledgedAt: minutes(2) })
    expect(await storage.reminders.get(reminderId)).toMatchObject({ taskManagerTaskId: '77' })
    expect(await storage.deliveries.get(delivery.id)).toMatchObject({ taskManagerTaskId: '77' })
    expect(await counts(storage)).toEqual({ 'TASK created': 1 })
  })

  for (const isCreated of [false, true]) {
    it(`keeps the text and the time that TaskManager ${isCreated ? 'took' : 'is to take'}`, async () => {
      const { storage } = await migrated()
      const { delivery, task, reminderId } = await handed(storage)
      const text = content({ message: 'At another time.', recipientEmail: 'new@example.org' })
      const body = { content: text, facts: '{"practitioner_name":"Dr. Who"}', scheduledAt: minutes(70) }
      const created = { ...acknowledged(task), body }
      await storage.tasks.apply([isCreated ? created : command(task, { kind: 'rewritten', body })])
      const row = await storage.tasks.find({ reminderId })
      expect(row).toMatchObject({ scheduledAt: minutes(70), taskId: isCreated ? '77' : null })
      expect(JSON.parse(row?.facts ?? '')).toEqual({ practitioner_name: 'Dr. Who' })
      expect(await storage.deliveries.get(delivery.id)).toMatchObject({ ...text, state: 'handed_over' })
      expect(await storage.reminders.get(reminderId)).toMatchObject({ message: 'At another time.' })
    })
  }

  it('counts what failed until it succeeds, and what may have arrived', async () => {
    const { storage } = await migrated()
    const { task, reminderId } = await handed(storage)
    const wait = { kind: 'later', nextAt: minutes(5), unsent: false, errorCode: 'task_manager_unavailable' } as const
    const calling = command(task, { kind: 'calling' })
    expect(await storage.tasks.apply([calling, command(task, wait)])).toEqual([true, true])
    await storage.tasks.apply([calling, command(task, { ...wait, unsent: true })])
    expect(await storage.tasks.find({ reminderId })).toMatchObject({ attempts: 1, failures: 2, nextAt: minutes(5) })
    expect(await storage.tasks.summary()).toEqual({
      pending: 1,
      oldestPendingAt: t0,
      lastErrorCode: 'task_manager_unavailable',
    })
    await storage.tasks.apply([acknowledged(task)])
    expect(await storage.tasks.find({ reminderId })).toMatchObject({ attempts: 0, failures: 0, errorCode: null })
    expect(await storage.tasks.summary()).toEqual({ pending: 0, oldestPendingAt: null, lastErrorCode: null })
  })

  it('marks a task in the transaction that cancels its reminder, and an answer on its way does not hide it', async () => {
    const { storage } = await migrated()
    const { delivery, task, reminderId } = await handed(storage)
    const [outcome] = await storage.plans.apply([nextPlan(1, { reminders: [], supersededBy: 'appointment_moved' })])
    expect(outcome).toMatchObject({ status: 'applied', inFlight: 0, cancelled: [{ id: reminderId }] })
    expect(await storage.reminders.get(reminderId)).toMatchObject({ status: 'CANCELLED', reason: 'appointment_moved' })
    expect(await storage.deliveries.get(delivery.id)).toMatchObject({
      state: 'handed_over',
      reason: 'appointment_moved',
    })
    await storage.tasks.apply([acknowledged(task)])
    const [row] = await storage.tasks.due(minutes(2), 10)
    expect(row).toMatchObject({ reminderId, taskId: '77', touched: 1 })
  })

  it('lets nobody ask for what was recalled or settled meanwhile', async () => {
    const { storage } = await migrated()
    const { delivery, task } = await handed(storage)
    const calling = command(task, { kind: 'calling' })
    expect(await storage.tasks.apply([calling])).toEqual([true])
    await storage.plans.apply([nextPlan(1, { reminders: [], supersededBy: 'appointment_moved' })])
    expect(await storage.tasks.apply([calling])).toEqual([false])
    await storage.tasks.report(report(delivery.id))
    expect(await storage.tasks.apply([calling])).toEqual([false])
  })

  it('withdraws when TaskManager says so: cancelled, counted, and nothing is left to do', async () => {
    const { storage } = await migrated()
    const { delivery, task, reminderId } = await handed(storage)
    expect(await storage.tasks.apply([command(task, { kind: 'recall', rule: 'recipient_removed' })])).toEqual([true])
    expect(await storage.reminders.get(reminderId)).toMatchObject({ status: 'CANCELLED', reason: 'recipient_removed' })
    expect(await storage.tasks.apply([command(task, { kind: 'taken_over' })])).toEqual([false])
    const done = command(task, { kind: 'withdrawn', rule: 'recipient_removed' })
    expect(await storage.tasks.apply([done, done])).toEqual([true, false])
    expect(await storage.deliveries.get(delivery.id)).toMatchObject({ state: 'cancelled', reason: 'recipient_removed' })
    expect(await storage.tasks.find({ reminderId })).toBeNull()
    expect(await counts(storage)).toEqual({ WITHDRAWN: 1, CANCELLED: 1, 'TASK cancelled': 1 })
  })

  it('takes over what TaskManager will not send: queued for the library, and only then', async () => {
    const { storage } = await migrated()
    const { delivery, task, reminderId } = await handed(storage)
    expect((await storage.tasks.dueTakenOver({ now: minutes(9999), limit: 10 })).rows).toEqual([])
    expect(await storage.tasks.nextTakenOverDueAt()).toBeNull()
    const takeOver = command(task, { kind: 'taken_over' })
    expect(await storage.tasks.apply([takeOver, takeOver])).toEqual([true, false])
    const due = (await storage.tasks.dueTakenOver({ now: minutes(2), limit: 10 })).rows
    expect(due).toMatchObject([{ id: delivery.id, state: 'queued', fence: 1, dueAt: minutes(2), provider: null }])
    expect(await storage.tasks.nextTakenOverDueAt()).toEqual(minutes(2))
    expect(await storage.tasks.nextTakenOverDueAt(minutes(2))).toBeNull()
    expect(await storage.tasks.waitingNotices(minutes(9999), null, 10)).toEqual([])
    expect(await storage.tasks.find({ reminderId })).toBeNull()
  })

  it('releases what TaskManager never heard of', async () => {
    const { storage } = await migrated()
    const id = await planOne(storage)
    const [notice] = await queue(storage, [newDelivery()])
    if (notice === undefined) throw new Error('expected a notice')
    expect(await storage.tasks.waitingNotices(t0, null, 10)).toMatchObject([{ id: notice.id }])
    const release = (work: Work): IntentCommand => ({
      kind: 'release',
      work,
      decision: about(),
      idempotencyKey: `own-${work.id}`,
    })
    const released = await commit(storage, release(reminderWork(id)), minutes(7))
    expect(released).toMatchObject({ state: 'queued', fence: 1, dueAt: minutes(7), idempotencyKey: `own-${id}` })
    expect(await storage.reminders.get(id)).toMatchObject({ status: 'PENDING', dueAt: null, message: null })
    await commit(storage, release(deliveryWork(notice)), minutes(8))
    const due = (await storage.tasks.dueTakenOver({ now: minutes(8), limit: 10 })).rows
    expect(due.map((row) => row.id)).toEqual([released?.id, notice.id])
    expect(await storage.tasks.waiting(null, null, 10)).toEqual([])
  })

  it('makes a lost one anew under the next generation', async () => {
    const { storage } = await migrated()
    const { task, reminderId } = await handed(storage)
    await storage.tasks.apply([acknowledged(task), command(task, { kind: 'lost' })])
    expect(await storage.tasks.find({ reminderId })).toMatchObject({
      taskId: null,
      generation: 1,
      nextAt: minutes(2),
    })
    expect((await storage.tasks.summary()).pending).toBe(1)
  })

  it('holds what nobody can tell, and still takes the word when it comes', async () => {
    const { storage } = await migrated()
    const { delivery, task, reminderId } = await handed(storage)
    const hold = { kind: 'held', code: 'silent', message: 'nobody knows', nextAt: minutes(90) } as const
    expect(await storage.tasks.apply([command(task, hold)])).toEqual([true])
    expect(await storage.deliveries.get(delivery.id)).toMatchObject({ state: 'unknown', errorCode: 'silent' })
    expect(await storage.reminders.get(reminderId)).toMatchObject({ status: 'FAILED', errorMessage: 'nobody knows' })
    expect(await counts(storage)).toEqual({ UNKNOWN: 1, 'TASK held': 1 })
    expect(await storage.tasks.report(report(delivery.id))).toBe('settled')
    expect(await storage.reminders.get(reminderId)).toMatchObject({ status: 'SENT' })
    expect(await counts(storage)).toEqual({ DELIVERED: 1, 'TASK held': 1 })
    expect(await storage.tasks.find({ reminderId })).toBeNull()
  })

  for (const isRegistered of [true, false]) {
    it(`settles by a report${isRegistered ? '' : ', also before the answer of the creation'}: once`, async () => {
      const { storage } = await migrated()
      const { delivery, task, reminderId } = await handed(storage)
      if (isRegistered) await storage.tasks.apply([acknowledged(task)])
      expect(await storage.tasks.report(report(delivery.id))).toBe('settled')
      expect(await storage.deliveries.get(delivery.id)).toMatchObject({
        status: 'DELIVERED',
        state: 'settled',
        sentAt: minutes(61),
        deliveredAt: minutes(61),
        providerMessageId: 'msg_1',
        taskManagerTaskId: '77',
        taskManagerExecutionId: '5',
      })
      expect(await storage.reminders.get(reminderId)).toMatchObject({
        status: 'SENT',
        sentAt: minutes(61),
        taskManagerTaskId: '77',
      })
      const before = await storage.deliveries.get(delivery.id)
      for (const late of [{}, failedReport, { status: 'SENT', deliveredAt: null } as const]) {
        expect(await storage.tasks.report(report(delivery.id, late))).toBe('ignored')
      }
      expect(await storage.tasks.apply([acknowledged(task)])).toEqual([false])
      expect(await storage.deliveries.get(delivery.id)).toEqual(before)
      expect(await storage.tasks.due(minutes(9999), 10)).toEqual([])
      expect(await counts(storage)).toEqual({ DELIVERED: 1, ...(isRegistered ? { 'TASK created': 1 } : {}) })
    })
  }

  it('records a reported failure, and a success that comes after it all the same', async () => {
    const { storage } = await migrated()
    const { delivery, reminderId } = await handed(storage)
    expect(await storage.tasks.report(report(delivery.id, failedReport))).toBe('settled')
    expect(await storage.reminders.get(reminderId)).toMatchObject({ status: 'FAILED', errorMessage: 'no such box' })
    expect(await counts(storage)).toEqual({ FAILED: 1 })
    expect(await rulesOf(storage)).toContain('task_manager_failed')
    expect(await storage.tasks.report(report(delivery.id))).toBe('settled')
    expect(await storage.reminders.get(reminderId)).toMatchObject({ status: 'SENT', errorMessage: null })
    expect(await counts(storage)).toEqual({ DELIVERED: 1 })
  })

  it('queues another channel with a reported failure, also one that takes a success back, and once', async () => {
    const { storage } = await migrated()
    const fallback = { channel: 'SMS', idempotencyKey: 'in-place' } as const
    const { delivery } = await handed(storage)
    await storage.tasks.report(report(delivery.id, { status: 'SENT', deliveredAt: null, fallback }))
    expect(await dueDeliveries(storage, minutes(9999), 10)).toEqual([])
    for (let time = 0; time < 2; time += 1)
      await storage.tasks.report(report(delivery.id, { ...failedReport, fallback }))
    const queued = await dueDeliveries(storage, minutes(9999), 10)
    expect(queued).toMatchObject([{ channel: 'SMS', fallbackOf: delivery.id, taskManagerTaskId: null, provider: null }])
    const [next] = queued
    if (next === undefined) throw new Error('nothing was queued')
    expect(await commit(storage, handOver(deliveryWork(next)))).toMatchObject({ state: 'handed_over' })
    const other = { channel: 'WHATSAPP', idempotencyKey: 'other' } as const
    await storage.tasks.report(report(next.id, { ...failedReport, fallback: other }))
    expect(await dueDeliveries(storage, minutes(9999), 10)).toMatchObject([
      { channel: 'WHATSAPP', fallbackOf: next.id },
    ])
  })

  it('takes a success back by a later failure of the same run, and not by a late one of another', async () => {
    const { storage } = await migrated()
    const { delivery, reminderId } = await handed(storage)
    const success = { status: 'SENT', deliveredAt: null } as const
    expect(await storage.tasks.report(report(delivery.id, success))).toBe('settled')
    for (const executionId of ['4', null]) {
      const late = report(delivery.id, { ...failedReport, executionId })
      expect(await storage.tasks.report(late)).toBe('ignored')
    }
    expect(await counts(storage)).toEqual({ SENT: 1 })
    expect(await storage.tasks.report(report(delivery.id, failedReport))).toBe('received')
    expect(await storage.reminders.get(reminderId)).toMatchObject({ status: 'FAILED', errorMessage: 'no such box' })
    expect(await rulesOf(storage)).toContain('reported_failed')
    expect(await counts(storage)).toEqual({ FAILED: 1 })
  })

  for (const isWithdrawn of [false, true]) {
    const when = isWithdrawn ? 'after TaskManager said that it would not' : 'before it was withdrawn'
    it(`says so where one was sent although it was cancelled, ${when}`, async () => {
      const { storage } = await migrated()
      const { delivery, task, reminderId } = await handed(storage)
      await storage.tasks.apply([command(task, { kind: 'recall', rule: 'appointment_cancelled' })])
      if (isWithdrawn) {
        await storage.tasks.apply([command(task, { kind: 'withdrawn', rule: 'appointment_cancelled' })])
      }
      expect(await storage.tasks.report(report(delivery.id))).toBe('settled')
      expect(await storage.reminders.get(reminderId)).toMatchObject({ status: 'CANCELLED' })
      expect(await storage.deliveries.get(delivery.id)).toMatchObject({ status: 'DELIVERED', state: 'settled' })
      expect(await rulesOf(storage)).toContain('sent_despite_withdrawal')
      expect((await counts(storage))['CANCELLED']).toBeUndefined()
    })
  }

  it('takes the failure of what was to be withdrawn for its withdrawal', async () => {
    const { storage } = await migrated()
    const { delivery, task } = await handed(storage)
    await storage.tasks.apply([command(task, { kind: 'recall', rule: 'appointment_cancelled' })])
    expect(await storage.tasks.report(report(delivery.id, failedReport))).toBe('settled')
    expect(await storage.deliveries.get(delivery.id)).toMatchObject({ status: null, state: 'cancelled' })
  })

  it('settles what was taken over and not begun, so that it is not sent again', async () => {
    const { storage } = await migrated()
    const { delivery, task } = await handed(storage)
    await storage.tasks.apply([command(task, { kind: 'taken_over' })])
    expect(await storage.tasks.report(report(delivery.id, failedReport))).toBe('ignored')
    expect(await storage.tasks.report(report(delivery.id))).toBe('settled')
    expect((await storage.tasks.dueTakenOver({ now: minutes(9999), limit: 10 })).rows).toEqual([])
  })

  it('marks tasks of notices, too: newer ones of a kind, deleted recipients, appointments named', async () => {
    const { storage } = await migrated()
    const notice = async (appointmentId: number) => {
      const [row] = await queue(storage, [newDelivery({ appointmentId, category: 'RESCHEDULE' })])
      if (row === undefined) throw new Error('expected a notice')
      await commit(storage, handOver(deliveryWork(row), { guard: guard({ plan: null }) }))
      return row.id
    }
    const [first, second, third] = [await notice(1), await notice(2), await notice(3)]
    await queue(storage, [newDelivery({ appointmentId: 1, category: 'CANCELLATION' })], minutes(1))
    expect(await storage.deliveries.get(first)).toMatchObject({ state: 'handed_over', reason: 'superseded' })
    await storage.tasks.touch([2], minutes(1))
    const touched = async () => (await storage.tasks.due(minutes(1), 10)).filter((row) => row.touched > 0)
    expect((await touched()).map((row) => row.notificationId).sort()).toEqual([first, second].sort())
    await storage.plans.forgetRecipient(patient, minutes(1))
    expect(await storage.deliveries.get(third)).toMatchObject({ state: 'handed_over', reason: 'recipient_deleted' })
    expect((await touched()).map((row) => row.notificationId)).toContain(third)
  })

  it('moves one that was handed over with its zone, and marks it', async () => {
    const { storage } = await migrated()
    const { reminderId } = await handed(storage)
    await storage.plans.apply([nextPlan(1, { reminders: [newReminder({ reminderTime: minutes(90) })] })])
    expect(await storage.reminders.get(reminderId)).toMatchObject({ reminderTime: minutes(90), dueAt: null })
    expect(await storage.tasks.find({ reminderId })).toMatchObject({ touched: 1, nextAt: minutes(1) })
  })

  it('keeps alarms: a task of its own, found until it is there, and marked when its reminder is not wanted', async () => {
    const { storage } = await migrated()
    const reminderId = await planOne(storage, { reminders: [later] })
    expect(await storage.tasks.withoutAlarm(minutes(59), null, 10)).toEqual([])
    expect(await storage.tasks.withoutAlarm(minutes(60), null, 10)).toMatchObject([{ id: reminderId }])
    const alarm = { reminderId, taskId: '8', scheduledAt: minutes(60), nextAt: minutes(65), at: minutes(1) }
    await storage.tasks.addAlarms([alarm, alarm])
    expect(await storage.tasks.withoutAlarm(minutes(60), null, 10)).toEqual([])
    expect(await storage.reminders.get(reminderId)).toMatchObject({ taskManagerTaskId: '8', dueAt: minutes(60) })
    expect(await storage.tasks.find({ reminderId })).toMatchObject({ notificationId: null, nextAt: minutes(65) })
    await storage.plans.apply([nextPlan(1, { reminders: [], at: minutes(3) })])
    const task = await storage.tasks.find({ reminderId })
    expect(task).toMatchObject({ touched: 1, nextAt: minutes(3) })
    if (task === null) throw new Error('expected a task')
    expect(await storage.tasks.apply([command(task, { kind: 'forget' })])).toEqual([true])
    expect(await storage.tasks.find({ reminderId })).toBeNull()
  })

  it('looks at once at an alarm whose reminder moved while it was made, and makes a lost one anew', async () => {
    const { storage } = await migrated()
    const reminderId = await planOne(storage, { reminders: [later] })
    const alarm = { reminderId, taskId: '8', nextAt: minutes(65), at: minutes(1) }
    await storage.tasks.addAlarms([{ ...alarm, scheduledAt: minutes(50) }])
    const [task] = await storage.tasks.due(minutes(1), 10)
    expect(task).toMatchObject({ reminderId })
    if (task === undefined) throw new Error('expected a task')
    await storage.tasks.apply([command(task, { kind: 'lost' })])
    expect(await storage.tasks.withoutAlarm(minutes(60), null, 10)).toMatchObject([
      { id: reminderId, taskManagerTaskId: null },
    ])
  })
}
