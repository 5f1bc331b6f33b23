import { describe, expect, it } from 'vitest'
import { capture } from '../../../adapters/transport/capture.ts'
import { type Scheduler, TransportError } from '../../../src/index.ts'
import { ada } from '../../support/clinic.ts'
import { minuteMs, openWithTaskManager, publicUrl, type World } from './world.ts'

const now = '2024-01-14T18:00:00Z'
const startsAt = '2024-01-14T21:00:00Z'

/** Wakes nobody, so that a test sees who does. */
const deaf: Scheduler = { name: 'deaf', start: async () => {}, wakeAt: () => {}, stop: async () => {} }
const open = () =>
  openWithTaskManager(now, { mode: 'trigger', taskType: 'webhook', windowMs: 15 * minuteMs }, { scheduler: deaf })

async function book(world: World, reminders: readonly string[]) {
  world.host.book({ id: 123, startsAt, recipients: [{ ...ada, phone: null }] })
  await world.notifications.scheduleReminders(123, { customReminders: [...reminders] })
}

const numbers = (world: World) => world.service.tasks.map(({ id }) => id)

describe('TaskManager as alarm', () => {
  it('gets plain call-back tasks of the near future, without contact or text', async () => {
    await using world = await open()
    await world.start()
    await book(world, ['170m', '2h'])
    await world.eventually(() => world.service.tasks.length).toBe(1)
    const [row] = await world.notifications.getReminders(123)
    const { callback_url, ...body } = world.taskOf(1).created
    expect(body).toEqual({
      name: 'Appointment Reminder - 123',
      description: 'Call back for the reminder of appointment 123',
      task_type: 'webhook',
      payload: { reminder_id: row?.id, appointment_id: 123 },
      scheduled_time: '2024-01-14T18:10:00Z',
      max_retries: 3,
    })
    expect(callback_url).toContain(`${publicUrl}/reminder-callback/${row?.id}?token=`)
    await world.clock.advanceTo('2024-01-14T18:46:00Z')
    await world.eventually(() => world.service.tasks.length).toBe(2)
  })

  it('wakes the library, which checks the truth and sends', async () => {
    await using world = await open()
    await world.start()
    await book(world, ['170m'])
    await world.eventually(() => world.service.tasks.length).toBe(1)
    await world.clock.advanceTo('2024-01-14T18:10:01Z')
    expect(world.outbox.sent).toEqual([])
    for (let call = 0; call < 3; call++) expect(await world.run(1)).toMatchObject({ status: 200 })
    await world.eventually(async () => (await world.reminder(123))?.status).toBe('SENT')
    expect(world.sentTo()).toEqual(['EMAIL ada@example.org'])
    expect(await world.reminder(123)).toMatchObject({ taskManagerTaskId: '1' })
    await world.clock.advance(10 * minuteMs)
    expect(world.outbox.sent).toHaveLength(1)
  })

  it('sends nothing for one that rings too early, too late, or for what was cancelled behind its back', async () => {
    await using world = await open()
    await world.start()
    await book(world, ['170m'])
    await world.eventually(() => world.service.tasks.length).toBe(1)
    await world.run(1)
    await world.settle()
    expect(world.outbox.sent).toEqual([])
    world.host.change(123, { status: 'cancelled' })
    await world.clock.advanceTo('2024-01-14T18:10:01Z')
    await world.run(1)
    await world.eventually(async () => (await world.notifications.getReminders(123))[0]?.status).toBe('CANCELLED')
    expect(world.outbox.sent).toEqual([])
  })

  it('is cancelled with its reminder, and moves with it', async () => {
    await using world = await open()
    await world.start()
    await book(world, ['170m'])
    await world.eventually(async () => (await world.reminder(123))?.taskManagerTaskId).toBe('1')
    await world.notifications.cancelReminders(123)
    await world.eventually(() => world.taskOf(1).status).toBe('cancelled')
    await world.notifications.scheduleReminders(123, { customReminders: ['168m'] })
    await world.eventually(() => numbers(world)).toEqual([1, 2])
    expect(world.taskOf(2).scheduled_time).toBe('2024-01-14T18:12:00Z')
  })

  it('says by its call that it rang, and not that the reminder was sent', async () => {
    const unknown = new TransportError('Silence.', { outcome: 'unknown', code: 'silence' })
    let attempts = 0
    const outbox = capture({ fail: () => (attempts++ === 0 ? unknown : null) })
    const options = { scheduler: deaf, transports: [outbox] }
    await using world = await openWithTaskManager(now, { mode: 'trigger', taskType: 'webhook' }, options)
    await world.start()
    await book(world, ['170m'])
    await world.eventually(() => world.service.tasks.length).toBe(1)
    await world.clock.advanceTo('2024-01-14T18:10:01Z')
    await world.run(1)
    await world.eventually(() => attempts).toBe(1)
    await world.eventually(async () => (await world.reminder(123))?.subject).not.toBeNull()
    await world.settle()
    await world.run(1)
    await world.settle()
    expect(await world.reminder(123)).toMatchObject({ status: 'PENDING' })
  })

  it('may be lost: the sweep sends', async () => {
    await using world = await openWithTaskManager(now, { mode: 'trigger' }, { sweepMs: minuteMs, scheduler: deaf })
    await world.start()
    await world.service.shut()
    await book(world, ['170m'])
    await world.clock.advanceTo('2024-01-14T18:12:00Z')
    await world.eventually(async () => (await world.reminder(123))?.status).toBe('SENT')
  })

  it('leaves notices to the library', async () => {
    await using world = await openWithTaskManager(now, { mode: 'trigger' })
    await world.start()
    world.host.book({ id: 123, startsAt, recipients: [{ ...ada, phone: null }] })
    await world.notifications.appointmentBooked(123)
    await world.eventually(() => world.sentTo()).toEqual(['EMAIL ada@example.org'])
    expect(world.service.tasks).toEqual([])
  })
})
