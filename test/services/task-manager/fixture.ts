import { afterEach } from 'vitest'
import {
  isNotificationError,
  type NotificationError,
  silentLogger,
  type TaskDraft,
  TaskManagerClient,
  type TaskManagerClientOptions,
} from '../../../src/index.ts'
import { type Reply, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts'

const open: { shut(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.shut()))
})

export async function server(...replies: Reply[]): Promise<ScriptedServer> {
  const started = await startScriptedServer(...replies)
  open.push(started)
  return started
}

/** Waits so little between attempts that a test does not notice. */
export const clientOf = (url: string, options: TaskManagerClientOptions = {}): TaskManagerClient =>
  new TaskManagerClient({
    url,
    env: {},
    logger: silentLogger,
    random: () => 0,
    ...options,
    retry: { maxRetries: 2, baseMs: 2, ...options.retry },
  })

/** The document's own task, reminder 456 of appointment 123. */
export const draft: TaskDraft = {
  name: 'Appointment Reminder - 123',
  description: 'Send EMAIL reminder for appointment 123',
  taskType: 'email',
  payload: {
    reminder_id: 456,
    appointment_id: 123,
    recipient_email: 'patient@email.com',
    recipient_phone: '+1234567890',
    subject: 'Appointment Reminder - January 15, 2024',
    message: 'Reminder: You have an appointment on January 15, 2024 at 2:00 PM.',
    appointment_date: '2024-01-15',
    appointment_time: '14:00:00',
    practitioner_name: 'Dr. Smith',
  },
  scheduledTime: new Date('2024-01-14T14:00:00Z'),
  callbackUrl: 'http://localhost:8000/api/notifications/reminder-callback/456',
  maxRetries: 3,
}
export const key = { idempotencyKey: 'reminder-456-1' }

/** What a promise is rejected with. */
export async function failure(work: Promise<unknown>): Promise<NotificationError> {
  try {
    await work
  } catch (error) {
    if (isNotificationError(error)) return error
    throw error
  }
  throw new Error('it did not fail')
}
