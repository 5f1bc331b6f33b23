import { describe, expect, it } from 'vitest'
import { ada, organizationId } from '../../support/clinic.ts'
import { hourMs, minuteMs, openWithTaskManager, publicUrl } from './world.ts'

const now = '2024-01-14T18:00:00Z'
/** 2 PM in the clinic's own zone. */
const startsAt = '2024-01-15T19:00:00Z'
const mailOnly = [{ ...ada, phone: null }]

async function booked(options: Parameters<typeof openWithTaskManager>[1] = {}) {
  const world = await openWithTaskManager(now, options)
  world.host.book({ id: 123, startsAt, recipients: mailOnly })
  await world.start()
  await world.notifications.scheduleReminders(123, { customReminders: [24] })
  return world
}

describe('TaskManager delivers', () => {
  it('gets the documented body to the letter, with the time of the appointment in its own zone', async () => {
    await using world = await booked()
    await world.eventually(() => world.service.tasks.length).toBe(1)
    const row = await world.reminder(123)
    const { callback_url, ...body } = world.taskOf(1).created
    expect(body).toEqual({
      name: 'Appointment Reminder - 123',
      description: 'Send EMAIL reminder for appointment 123',
      task_type: 'email',
      payload: {
        reminder_id: row?.id,
        appointment_id: 123,
        recipient_email: 'ada@example.org',
        recipient_phone: null,
        subject: expect.stringContaining('January 15, 2024'),
        message: expect.stringContaining('2:00 PM'),
        appointment_date: '2024-01-15',
        appointment_time: '14:00:00',
        practitioner_name: 'Dr. Smith',
      },
      scheduled_time: '2024-01-14T19:00:00Z',
      max_retries: 3,
    })
    expect(callback_url).toMatch(new RegExp(`^${publicUrl}/reminder-callback/${row?.id}\\?token=v1\\.`))
    await world.eventually(async () => (await world.reminder(123))?.taskManagerTaskId).toBe('1')
    expect(await world.rules(123)).toContain('task_manager_delivers')
    expect(world.log.lines.join()).not.toMatch(/ada@|token=/)
  })

  it('sends nothing itself; the report settles reminder and history, once', async () => {
    await using world = await booked()
    await world.eventually(async () => (await world.reminder(123))?.taskManagerTaskId).toBe('1')
    await world.clock.advanceTo('2024-01-14T19:00:30Z')
    expect(world.outbox.sent).toEqual([])
    expect(await world.run(1)).toMatchObject({ status: 200, answer: { status: 'SENT', updated: true } })
    expect(await world.reminder(123)).toMatchObject({ status: 'SENT', taskManagerExecutionId: '101' })
    const { notifications } = await world.notifications.history({ appointmentId: 123 })
    expect(notifications).toMatchObject([
      {
        status: 'DELIVERED',
        provider: 'task_manager',
        providerMessageId: 'msg_1',
        deliveredAt: new Date('2024-01-14T19:00:30Z'),
        taskManagerTaskId: '1',
        taskManagerExecutionId: '101',
      },
    ])
    for (let again = 0; again < 4; again++) expect(await world.run(1)).toMatchObject({ answer: { updated: false } })
    expect(await world.statistics.read()).toMatchObject({
      delivered: 1,
      byProvider: { task_manager: { delivered: 1 } },
      tasks: { created: 1, lost: 0, takenOver: 0, executionTime: { count: 1 } },
    })
    expect(world.told.map(({ name }) => name)).toEqual([
      'reminder.scheduled',
      'reminder.skipped',
      'notification.sent',
      'reminder.sent',
    ])
    await world.clock.advance(hourMs)
    expect(world.outbox.sent).toEqual([])
  })

  it('refuses a forged report', async () => {
    await using world = await booked()
    await world.eventually(() => world.service.tasks.length).toBe(1)
    const url = world.taskOf(1).callback_url
    for (const forged of [url.replace(/.$/, 'x'), url.split('?')[0] ?? '', url.replace(/\/\d+\?/, '/999?')]) {
      expect(await world.callBack(forged, { status: 'success', result: {} })).toMatchObject({ status: 401 })
    }
    expect(await world.reminder(123)).toMatchObject({ status: 'PENDING' })
  })

  it('takes a report that comes before the answer of the creation', async () => {
    await using world = await openWithTaskManager(now)
    world.service.fault = 'lost'
    world.host.book({ id: 123, startsAt, recipients: mailOnly })
    await world.start()
    await world.notifications.scheduleReminders(123, { customReminders: [24] })
    await world.eventually(() => world.service.tasks.length).toBe(1)
    expect(await world.run(1)).toMatchObject({ answer: { updated: true } })
    world.service.fault = null
    await world.clock.advance(10 * minuteMs)
    expect(await world.reminder(123)).toMatchObject({ status: 'SENT', taskManagerTaskId: '1' })
    expect(world.service.tasks).toHaveLength(1)
  })

  it('hands over notices at once, with their own callback', async () => {
    await using world = await openWithTaskManager(now)
    world.host.book({ id: 123, startsAt, recipients: mailOnly })
    await world.start()
    await world.notifications.sendAppointmentNotification(123, { category: 'CONFIRMATION' })
    await world.eventually(() => world.service.tasks.length).toBe(1)
    const task = world.taskOf(1)
    expect(task).toMatchObject({
      name: 'Appointment Confirmation - 123',
      description: 'Send EMAIL confirmation for appointment 123',
      scheduled_time: '2024-01-14T18:00:00Z',
      payload: { notification_id: 1, appointment_id: 123 },
    })
    expect(task.callback_url).toContain('/callback/1?token=')
    expect(await world.run(1)).toMatchObject({ answer: { status: 'DELIVERED', updated: true } })
    expect(await world.notifications.getNotification(1)).toMatchObject({ status: 'DELIVERED' })
    expect(world.outbox.sent).toEqual([])
  })

  it('changes the task when the words change, and not otherwise', async () => {
    await using world = await booked()
    await world.eventually(async () => (await world.reminder(123))?.taskManagerTaskId).toBe('1')
    await world.notifications.rescheduleReminders(123, { customReminders: [24] })
    await world.clock.advance(minuteMs)
    expect(world.service.asked.filter((one) => one.startsWith('PUT'))).toEqual([])
    world.host.change(123, { practitionerName: 'Dr. Who' })
    await world.notifications.rescheduleReminders(123, { customReminders: [24] })
    await world.eventually(() => world.taskOf(1).payload['practitioner_name']).toBe('Dr. Who')
    await world.settings.createOrganizationSettings(ada1, {
      emailTemplates: { appointment_reminder: 'Come at {time}.' },
    })
    await world.eventually(() => world.taskOf(1).payload['message']).toBe('Come at 2:00 PM.')
    await world.eventually(async () => (await world.reminder(123))?.message).toBe('Come at 2:00 PM.')
    expect(world.service.tasks).toHaveLength(1)
    expect(await world.rules(123)).toContain('task_changed')
  })

  it('finds out before its time what changed behind its back', async () => {
    await using world = await booked()
    await world.eventually(async () => (await world.reminder(123))?.taskManagerTaskId).toBe('1')
    world.host.change(123, { recipients: [{ ...ada, phone: null, email: 'new@example.org' }] })
    await world.clock.advanceTo('2024-01-14T18:46:00Z')
    await world.eventually(() => world.taskOf(1).payload['recipient_email']).toBe('new@example.org')
  })

  it('cancels the task, which is final when TaskManager says so', async () => {
    await using world = await booked()
    await world.eventually(async () => (await world.reminder(123))?.taskManagerTaskId).toBe('1')
    await world.service.shut()
    expect(await world.notifications.cancelReminders(123)).toEqual({ cancelled: 1, inFlight: 0 })
    await world.clock.advance(minuteMs)
    expect(world.taskOf(1).status).toBe('pending')
    const handed = async () => (await world.notifications.history({ appointmentId: 123, state: 'all' })).notifications
    expect(await handed()).toMatchObject([{ state: 'handed_over', reason: 'cancelled_by_request' }])
    await world.service.reopen()
    await world.clock.advance(10 * minuteMs)
    await world.eventually(() => world.taskOf(1).status).toBe('cancelled')
    await world.eventually(handed).toMatchObject([{ state: 'cancelled', reason: 'cancelled_by_request' }])
    expect(await world.rules(123)).toContain('task_withdrawn')
  })

  it('says so where TaskManager was faster than the cancellation', async () => {
    await using world = await booked()
    await world.eventually(async () => (await world.reminder(123))?.taskManagerTaskId).toBe('1')
    await world.service.shut()
    await world.notifications.cancelReminders(123)
    await world.run(1, false)
    await world.service.reopen()
    await world.clock.advance(10 * minuteMs)
    await world.eventually(() => world.rules(123)).toContain('sent_despite_withdrawal')
    const rows = await world.notifications.getReminders(123)
    expect(rows).toMatchObject([{ status: 'CANCELLED', reason: 'cancelled_by_request' }])
    expect(await world.statistics.read()).toMatchObject({ delivered: 1, cancelled: 0 })
  })

  it('moves with the appointment: the old task is cancelled, a new one made', async () => {
    await using world = await booked()
    await world.eventually(async () => (await world.reminder(123))?.taskManagerTaskId).toBe('1')
    world.host.change(123, { startsAt: '2024-01-16T19:00:00Z' })
    await world.notifications.appointmentRescheduled(123, { notify: false })
    await world
      .eventually(() => world.service.tasks.map((task) => [task.status, task.scheduled_time]))
      .toEqual([
        ['cancelled', '2024-01-14T19:00:00Z'],
        ['pending', '2024-01-15T19:00:00Z'],
      ])
  })

  it('hears of an opt-out, and of an appointment cancelled in the host alone', async () => {
    await using world = await openWithTaskManager(now)
    for (const id of [1, 2])
      world.host.book({ id, startsAt, recipients: [{ ...ada, id, phone: null, email: `p${id}@example.org` }] })
    await world.start()
    await world.notifications.scheduleMany([1, 2], { customReminders: [24] })
    const taskIds = () => Promise.all([1, 2].map(async (id) => (await world.reminder(id))?.taskManagerTaskId))
    await world.eventually(taskIds).not.toContain(null)
    await world.settings.createPreferences({ type: 'PATIENT', id: 1 }, { appointmentReminder: false })
    await world.eventually(() => world.taskFor(1).status).toBe('cancelled')
    world.host.change(2, { status: 'cancelled' })
    await world.clock.advanceTo('2024-01-14T18:46:00Z')
    await world.eventually(() => world.taskFor(2).status).toBe('cancelled')
    expect(await world.rules(2)).toContain('appointment_cancelled')
  })

  it('sends one message to an address that two recipients share, also when one of them comes later', async () => {
    await using world = await booked()
    await world.eventually(() => world.service.tasks.length).toBe(1)
    world.host.change(123, {
      recipients: [...mailOnly, { type: 'CLIENT', id: 5, name: 'Mum', email: 'ada@example.org' }],
    })
    await world.notifications.rescheduleReminders(123, { customReminders: [24] })
    await world.eventually(() => world.rules(123)).toContain('same_address')
    expect(world.service.tasks.filter((task) => task.status === 'pending')).toHaveLength(1)
  })
})

const ada1 = '7f3d2a10-5b1e-4c7a-9a52-0c6f5a1d9b11'

describe('a reported failure', () => {
  it('is no failure as long as TaskManager tries again', async () => {
    await using world = await booked()
    await world.eventually(async () => (await world.reminder(123))?.taskManagerTaskId).toBe('1')
    await world.clock.advanceTo('2024-01-14T19:00:01Z')
    expect(await world.fail(1, false)).toMatchObject({ status: 200, answer: { updated: false } })
    await world.eventually(() => world.service.asked.at(-1)).toBe('GET /api/tasks/1')
    expect(await world.reminder(123)).toMatchObject({ status: 'PENDING' })
    await world.run(1)
    expect(await world.reminder(123)).toMatchObject({ status: 'SENT' })
    expect(await world.fail(1, true)).toMatchObject({ answer: { updated: false } })
    expect(await world.reminder(123)).toMatchObject({ status: 'SENT' })
  })

  it('is one when it does not, with what it says', async () => {
    await using world = await booked()
    await world.eventually(async () => (await world.reminder(123))?.taskManagerTaskId).toBe('1')
    await world.clock.advanceTo('2024-01-14T19:00:01Z')
    await world.fail(1, true)
    await world.eventually(() => world.reminder(123)).toMatchObject({ status: 'FAILED', errorMessage: 'smtp_550' })
    expect(await world.rules(123)).toContain('task_manager_failed')
    expect(world.outbox.sent).toEqual([])
  })

  it('has another channel take its place, once, which TaskManager delivers too', async () => {
    await using world = await openWithTaskManager(now)
    await world.start()
    const fallback = [{ channels: [{ channel: 'SMS' as const }] }]
    await world.settings.createOrganizationSettings(organizationId, { fallback })
    world.host.book({ id: 124, startsAt, recipients: [ada] })
    await world.notifications.sendAppointmentNotification(124, { category: 'CONFIRMATION', channel: 'EMAIL' })
    await world.eventually(() => world.service.tasks.length).toBe(1)
    await world.fail(1, true)
    await world.settle()
    await world.eventually(() => world.service.tasks.length).toBe(2)
    await world.fail(1, true)
    await world.run(2)
    const { notifications } = await world.notifications.history({ appointmentId: 124, state: 'all' })
    expect(notifications.map(({ channel, status }) => `${channel} ${status}`)).toEqual([
      'SMS DELIVERED',
      'EMAIL FAILED',
    ])
  })

  it('waits for TaskManager where it cannot be asked', async () => {
    await using world = await booked()
    await world.eventually(async () => (await world.reminder(123))?.taskManagerTaskId).toBe('1')
    await world.clock.advanceTo('2024-01-14T19:00:01Z')
    world.service.fault = { status: 503 }
    await world.fail(1, true)
    await world.eventually(() => world.service.asked.at(-1)).toBe('GET /api/tasks/1')
    await world.settle()
    expect(await world.reminder(123)).toMatchObject({ status: 'PENDING' })
    world.service.fault = null
    await world.clock.advance(hourMs)
    await world.eventually(() => world.reminder(123)).toMatchObject({ status: 'FAILED' })
  })
})

it('TaskManager gets what waits for the end of quiet hours then, and nothing sends it before', async () => {
  // 1 AM in the clinic's own zone.
  await using world = await openWithTaskManager('2024-01-14T06:00:00Z')
  const quietHours = [{ channel: 'SMS' as const, hours: { from: '21:00', to: '08:00' } }]
  await world.settings.createOrganizationSettings(organizationId, { quietHours })
  world.host.book({ id: 123, startsAt, recipients: [{ ...ada, email: null }] })
  await world.start()
  await world.notifications.sendAppointmentNotification(123, { category: 'CONFIRMATION' })
  await world.eventually(() => world.rules(123)).toContain('in_quiet_hours')
  await world.clock.advanceTo('2024-01-14T12:59:00Z')
  await world.eventually(() => world.service.tasks.length).toBe(0)
  expect(await world.rules(123)).not.toContain('task_manager_away')
  await world.clock.advanceTo('2024-01-14T13:01:00Z')
  await world.eventually(() => world.service.tasks.length).toBe(1)
  expect(world.outbox.sent).toEqual([])
})
