import { expect, it } from 'vitest'
import { ada } from '../../support/clinic.ts'
import { minuteMs, openWithTaskManager } from './world.ts'

const now = '2024-01-14T18:00:00Z'
const startsAt = '2024-01-14T21:00:00Z'
const patient = { ...ada, id: 7, phone: null, email: 'ada@example.org' } as const
const client = { ...ada, type: 'CLIENT', id: 8, name: 'Bruno', phone: null, email: 'bruno@example.org' } as const
const practitioner = {
  type: 'PRACTITIONER',
  id: 5,
  name: 'Dr. Smith',
  email: 'smith@example.org',
  phone: null,
} as const

/** Reminders of which TaskManager has the tasks, and gave no response. */
async function unanswered() {
  const world = await openWithTaskManager(now)
  world.service.fault = 'lost'
  await world.start()
  world.host.book({ id: 123, startsAt, recipients: [patient, client, practitioner] })
  await world.notifications.scheduleMany([123], { customReminders: [2] })
  await world.eventually(() => world.service.tasks.length).toBe(2)
  const task = (email: string) => world.service.tasks.find(({ payload }) => payload['recipient_email'] === email)
  const answersAgain = async () => {
    world.service.fault = null
    await world.clock.advance(5 * minuteMs)
  }
  return { ...world, task, answersAgain }
}

it('cancels the task of an erased person that TaskManager never acknowledged, and asks for those of others again', async () => {
  await using world = await unanswered()
  world.host.book({ id: 123, startsAt, recipients: [client, practitioner] })
  const report = await world.privacy.eraseRecipient({ type: 'PATIENT', id: 7 })
  expect(report).toMatchObject({ cancelled: 1, messages: 1 })
  await world.answersAgain()
  await world.eventually(() => world.task('ada@example.org')?.status).toBe('cancelled')
  const taskOf = async (type: string) => {
    const rows = await world.notifications.getReminders(123)
    return rows.find(({ recipient }) => recipient.type === type)?.taskManagerTaskId
  }
  await world.eventually(() => taskOf('CLIENT')).not.toBeNull()
  expect(world.service.tasks.map(({ payload }) => payload['message'])).not.toContain('')
  expect(world.service.tasks).toHaveLength(2)
  // What was kept to ask with goes with the answer.
  const { notifications } = await world.notifications.history({ state: 'cancelled', limit: 10 })
  const own = notifications.filter(({ recipient }) => recipient.type === 'PATIENT')
  expect(own).toMatchObject([{ message: '', subject: null, recipientEmail: null, recipientAddress: null }])
})

it('leaves the tasks of patients alone when a practitioner is erased', async () => {
  await using world = await unanswered()
  await world.privacy.eraseRecipient({ type: 'PRACTITIONER', id: 5 })
  await world.answersAgain()
  await world.eventually(async () => (await world.reminder(123))?.taskManagerTaskId).not.toBeNull()
  expect(world.task('ada@example.org')?.payload).toMatchObject({ appointment_date: '2024-01-14' })
  expect(world.task('ada@example.org')?.status).toBe('pending')
})
