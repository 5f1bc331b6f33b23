import { describe, expect, it } from 'vitest'
import { NotificationError, type TaskManagerOptions } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { ada } from '../../support/clinic.ts'
import { sqlite } from '../../support/stores.ts'
import { hourMs, minuteMs, openWithTaskManager, type World } from './world.ts'

const now = '2024-01-14T18:00:00Z'
const due = '2024-01-14T19:00:00Z'
const startsAt = '2024-01-14T21:00:00Z'

/** A reminder two hours before the start, in an hour's time. */
async function book(world: World, ids: readonly number[] = [123]) {
  for (const id of ids) {
    world.host.book({ id, startsAt, recipients: [{ ...ada, id, phone: null, email: `p${id}@example.org` }] })
  }
  await world.notifications.scheduleMany(ids, { customReminders: [2] })
}

async function registered(options: TaskManagerOptions = {}) {
  const world = await openWithTaskManager(now, options)
  await world.start()
  await book(world)
  await world.eventually(async () => (await world.reminder(123))?.taskManagerTaskId).toBe('1')
  return world
}

const statusOf = (world: World, id = 123) => world.eventually(async () => (await world.reminder(id))?.status)
/** The task that TaskManager has for it, asked again and again as time passes. */
const registrationOf = (world: World, id = 123) =>
  world.eventually(async () => {
    await world.clock.advance(minuteMs / 2)
    return (await world.reminder(id))?.taskManagerTaskId
  })

describe('TaskManager away', () => {
  it('makes no request wait or fail; when it is back, everything is told once', async () => {
    await using world = await openWithTaskManager(now)
    await world.service.shut()
    await world.start()
    await book(world, [1, 2, 3])
    await world.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await world.clock.advance(2 * minuteMs)
    expect(await world.reminder(1)).toMatchObject({ status: 'PENDING', taskManagerTaskId: null })
    await world.service.reopen()
    await world.clock.advance(2 * minuteMs)
    await world.eventually(() => world.service.tasks.length).toBe(4)
    const notice = world.service.tasks.find(({ payload }) => 'notification_id' in payload)
    await world.run(notice?.id ?? 0)
    await world.eventually(async () => (await world.reminder(3))?.taskManagerTaskId).not.toBeNull()
    await world.clock.advanceTo(due)
    for (const { id } of world.service.tasks) await world.run(id)
    expect(world.outbox.sent).toEqual([])
    for (const id of [1, 2, 3]) expect(await world.reminder(id)).toMatchObject({ status: 'SENT' })
  })

  it('pain 9: lets the library send what it never heard of, by itself, when it is overdue', async () => {
    await using world = await openWithTaskManager(now)
    await world.service.shut()
    await world.start()
    await book(world, [1, 2])
    await world.clock.advanceTo('2024-01-14T19:04:00Z')
    expect(world.outbox.sent).toEqual([])
    await world.clock.advanceTo('2024-01-14T19:06:00Z')
    await statusOf(world, 1).toBe('SENT')
    await statusOf(world, 2).toBe('SENT')
    expect(world.sentTo().sort()).toEqual(['EMAIL p1@example.org', 'EMAIL p2@example.org'])
    expect(await world.rules(1)).toContain('task_manager_away')
    await world.service.reopen()
    await world.clock.advanceTo(startsAt)
    expect(world.service.tasks).toEqual([])
    expect(world.outbox.sent).toHaveLength(2)
  })

  it('waits for TaskManager where the policy says so, and sends nothing after the start', async () => {
    await using world = await openWithTaskManager(now, { overdue: 'hold' })
    await world.service.shut()
    await world.start()
    await book(world)
    await world.clock.advanceTo('2024-01-14T21:01:00Z')
    await world.service.reopen()
    await world.clock.advance(5 * minuteMs)
    await world
      .eventually(async () => (await world.notifications.getReminders(123))[0])
      .toMatchObject({
        status: 'FAILED',
        reason: null,
      })
    expect(await world.rules(123)).toContain('too_late')
    expect(world.service.tasks).toEqual([])
    expect(world.outbox.sent).toEqual([])
  })

  it('does not send what a call that was not answered may have brought there: it asks under the same key', async () => {
    await using world = await openWithTaskManager(now)
    world.service.fault = 'lost'
    await world.start()
    await book(world)
    await world.eventually(() => world.service.tasks.length).toBe(1)
    // Its words change meanwhile: the key must stand for the words it was first used with.
    world.host.change(123, { practitionerName: 'Dr. Who' })
    await world.service.shut()
    await world.clock.advanceTo('2024-01-14T19:10:00Z')
    expect(world.outbox.sent).toEqual([])
    world.service.fault = null
    await world.service.reopen()
    await registrationOf(world).toBe('1')
    await world.run(1)
    expect(await world.reminder(123)).toMatchObject({ status: 'SENT' })
    expect(world.service.tasks).toHaveLength(1)
    expect(world.outbox.sent).toEqual([])
  })

  it('holds what it may have and never answered for, and believes it later', async () => {
    await using world = await registered()
    await world.service.shut()
    await world.run(1, false)
    await world.clock.advanceTo('2024-01-14T20:59:00Z')
    expect(await world.reminder(123)).toMatchObject({ status: 'PENDING' })
    await world.clock.advanceTo('2024-01-14T21:10:00Z')
    await statusOf(world).toBe('FAILED')
    expect(await world.rules(123)).toContain('task_manager_silent')
    expect(world.outbox.sent).toEqual([])
    expect((await world.notifications.history({ appointmentId: 123, state: 'unknown' })).notifications).toHaveLength(1)
    await world.service.reopen()
    await world.clock.advance(2 * hourMs)
    await statusOf(world).toBe('SENT')
  })
})

describe('a crash', () => {
  it('between the answer of TaskManager and its record makes no second task', async () => {
    const storage = sqlite(':memory:')
    let isDead = true
    let unwritten = 0
    const tasks: Store['tasks'] = {
      ...storage.tasks,
      async apply(commands) {
        if (!isDead || commands.every(({ kind }) => kind !== 'registered')) return storage.tasks.apply(commands)
        unwritten += 1
        throw new NotificationError('storage_closed', 'The process is gone.')
      },
    }
    await using world = await openWithTaskManager(now, {}, { storage: { ...storage, tasks } })
    await world.start()
    await book(world)
    await world.eventually(() => unwritten).toBeGreaterThan(0)
    expect(world.service.tasks).toHaveLength(1)
    isDead = false
    // Overdue by now, and TaskManager has it: it must not be sent from here.
    await world.service.shut()
    await world.clock.advanceTo('2024-01-14T19:30:00Z')
    expect(world.outbox.sent).toEqual([])
    await world.service.reopen()
    await registrationOf(world).toBe('1')
    await world.run(1)
    expect(world.outbox.sent).toEqual([])
    expect(world.service.tasks).toHaveLength(1)
    expect(world.service.asked.filter((one) => one.startsWith('POST')).length).toBeGreaterThan(1)
  })

  it('pain 8: between the commit and the call is found by whoever comes next', async () => {
    const storage = sqlite(':memory:')
    let isDead = true
    const deliveries: Store['deliveries'] = {
      ...storage.deliveries,
      async commitIntents(commands, at) {
        const outcomes = await storage.deliveries.commitIntents(commands, at)
        if (isDead) throw new NotificationError('storage_closed', 'The process is gone.')
        return outcomes
      },
    }
    await using world = await openWithTaskManager(now, {}, { storage: { ...storage, deliveries } })
    await world.start()
    await book(world)
    await world.eventually(async () => (await world.reminder(123))?.message).toContain('appointment')
    expect(world.service.tasks).toEqual([])
    isDead = false
    await world.clock.advance(minuteMs)
    await world.eventually(() => world.service.tasks.length).toBe(1)
    await world.eventually(async () => (await world.reminder(123))?.taskManagerTaskId).toBe('1')
  })
})

describe('a task', () => {
  it('that was lost is made anew before its time', async () => {
    await using world = await registered()
    world.service.tasks.splice(0)
    await world.clock.advanceTo('2024-01-14T18:46:00Z')
    await world.eventually(() => world.service.tasks.length).toBe(1)
    expect(world.taskOf(1).key).toMatch(/:1$/)
    await world.eventually(() => world.rules(123)).toContain('task_lost')
    await world.clock.advanceTo(due)
    await world.run(1)
    expect(await world.reminder(123)).toMatchObject({ status: 'SENT' })
  })

  it('that is gone when it is overdue is sent by the library, once', async () => {
    await using world = await registered()
    await world.clock.advanceTo(due)
    world.service.tasks.splice(0)
    await world.clock.advance(4 * minuteMs)
    expect(world.outbox.sent).toEqual([])
    await world.clock.advance(2 * minuteMs)
    await statusOf(world).toBe('SENT')
    expect(world.sentTo()).toEqual(['EMAIL p123@example.org'])
    expect(await world.rules(123)).toContain('task_overdue')
    expect(await world.statistics.read()).toMatchObject({ sent: 1, tasks: { created: 1, takenOver: 1 } })
  })

  it('that was not run is taken back first', async () => {
    await using world = await registered()
    await world.clock.advanceTo('2024-01-14T19:06:00Z')
    await statusOf(world).toBe('SENT')
    expect(world.taskOf(1).status).toBe('cancelled')
    expect(world.outbox.sent).toHaveLength(1)
  })

  it('that is gone is held, where the library may not send or has no transport', async () => {
    for (const hold of [true, false]) {
      await using world = await openWithTaskManager(
        now,
        hold ? { overdue: 'hold' } : {},
        hold ? {} : { transports: [] },
      )
      await world.start()
      await book(world)
      await world.eventually(async () => (await world.reminder(123))?.taskManagerTaskId).toBe('1')
      await world.clock.advanceTo(due)
      world.service.tasks.splice(0)
      await world.clock.advance(6 * minuteMs)
      await statusOf(world).toBe('FAILED')
      expect(await world.rules(123)).toContain('task_manager_silent')
      expect(world.outbox.sent).toEqual([])
    }
  })

  it('that ran is settled though its call was lost, and is not sent again', async () => {
    await using world = await registered()
    await world.clock.advanceTo(due)
    await world.run(1, false)
    await world.clock.advance(6 * minuteMs)
    await statusOf(world).toBe('SENT')
    const { notifications } = await world.notifications.history({ appointmentId: 123 })
    expect(notifications).toMatchObject([
      { status: 'DELIVERED', providerMessageId: 'msg_1', deliveredAt: new Date(due) },
    ])
    await world.clock.advanceTo(startsAt)
    expect(world.outbox.sent).toEqual([])
  })

  it('that was begun once is not taken over, for it may have been sent: held at the start', async () => {
    await using world = await registered()
    await world.clock.advanceTo(due)
    // The service died while it ran, and has it pending again.
    world.taskOf(1).attempts = 1
    await world.clock.advance(20 * minuteMs)
    expect(world.outbox.sent).toEqual([])
    expect(world.taskOf(1).status).toBe('pending')
    await world.clock.advanceTo('2024-01-14T21:10:00Z')
    await statusOf(world).toBe('FAILED')
    expect(world.taskOf(1).status).toBe('cancelled')
    expect(await world.rules(123)).toContain('task_manager_silent')
    expect(world.outbox.sent).toEqual([])
  })

  it('that was begun once and is cancelled after its time is not called unsent', async () => {
    await using world = await registered()
    await world.clock.advanceTo(due)
    world.taskOf(1).attempts = 1
    await world.notifications.cancelReminders(123)
    await world.eventually(() => world.taskOf(1).status).toBe('cancelled')
    const held = async () => (await world.notifications.history({ appointmentId: 123, state: 'unknown' })).total
    await world.eventually(held).toBe(1)
    expect((await world.notifications.getReminders(123))[0]).toMatchObject({ status: 'CANCELLED' })
  })

  it('that runs is left alone', async () => {
    await using world = await registered()
    await world.clock.advanceTo(due)
    world.taskOf(1).status = 'running'
    await world.clock.advance(20 * minuteMs)
    expect(await world.reminder(123)).toMatchObject({ status: 'PENDING' })
    await world.run(1)
    expect(await world.reminder(123)).toMatchObject({ status: 'SENT' })
    expect(world.outbox.sent).toEqual([])
  })

  it('that TaskManager refuses is sent by the library in the end', async () => {
    await using world = await openWithTaskManager(now)
    world.service.fault = { status: 422 }
    await world.start()
    await book(world)
    await world.clock.advanceTo('2024-01-14T19:12:00Z')
    await statusOf(world).toBe('SENT')
    expect(world.outbox.sent).toHaveLength(1)
    expect((await world.statistics.read()).tasks.refused).toBeGreaterThan(0)
  })

  it('whose message was cancelled before its creation was answered is cancelled, too', async () => {
    await using world = await openWithTaskManager(now)
    world.service.fault = 'lost'
    await world.start()
    await book(world)
    await world.eventually(() => world.service.tasks.length).toBe(1)
    await world.notifications.cancelReminders(123)
    world.service.fault = null
    await world.clock.advance(5 * minuteMs)
    await world.eventually(() => world.taskOf(1).status).toBe('cancelled')
    expect(world.service.tasks).toHaveLength(1)
    await world.eventually(() => world.rules(123)).toContain('task_withdrawn')
  })
})
