/** The documented set-up: the clinic and TaskManager as two services, and a mail server. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serviceToken, startClinic } from '../support/clinic-process.ts'
import { type ExampleProcess, endExample } from '../support/example-process.ts'
import { type SmtpTestServer, startSmtpServer } from '../support/smtp-server.ts'
import { startTaskManager } from '../support/task-manager-process.ts'

const organization = '7f3d2a10-5b1e-4c7a-9a52-0c6f5a1d9b11'

describe.each(['deliver', 'trigger'])('TASK_MANAGER_MODE=%s', (mode) => {
  let folder: string
  let mail: SmtpTestServer
  let taskManager: ExampleProcess
  let clinic: ExampleProcess

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'two-services-'))
    mail = await startSmtpServer()
    const env = { SMTP_FROM: 'task-manager@example.org' }
    taskManager = await startTaskManager(folder, { smtpPort: mail.port, env })
    clinic = await startClinic(folder, taskManager.origin, {
      TASK_MANAGER_URL: taskManager.origin,
      TASK_MANAGER_MODE: mode,
    })
  })
  afterAll(async () => {
    await Promise.all([endExample(clinic, 'SIGTERM'), endExample(taskManager, 'SIGTERM')])
    await mail.close()
    await rm(folder, { recursive: true, force: true })
  })

  const call = async (path: string, body?: object) => {
    const response = await fetch(`${clinic.origin}/api${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${serviceToken}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    expect(response.ok, await response.clone().text()).toBe(true)
    return response.json()
  }

  it('sends a confirmation and a reminder, and the history tells who did', async () => {
    await call('/organizations', { id: organization, name: 'Harbour Clinic', time_zone: 'Europe/Berlin' })
    await call('/patients', { organization_id: organization, name: 'Ada', email: 'ada@example.org' })
    await call('/notifications/settings/', {
      organization_id: organization,
      email_smtp_host: '127.0.0.1',
      email_smtp_port: mail.port,
      email_from_address: 'clinic@example.org',
      past_reminders: 'send_now',
      default_email_reminders: [24],
    })
    const startsAt = new Date(Date.now() + 3_600_000).toISOString()
    await call('/appointments', {
      organization_id: organization,
      patient_id: 1,
      starts_at: startsAt,
      duration_minutes: 30,
      time_zone: 'Europe/Berlin',
      notify: true,
    })
    await expect.poll(() => mail.mails.length, { timeout: 10_000 }).toBe(2)
    const from = mode === 'deliver' ? 'task-manager@example.org' : 'clinic@example.org'
    expect(mail.mails.map((one) => one.from)).toEqual([from, from])
    await expect
      .poll(() => call('/notifications/history/'), { timeout: 10_000 })
      .toMatchObject({
        total: 2,
        notifications: [1, 2].map(() =>
          mode === 'deliver'
            ? { status: 'DELIVERED', provider: 'task_manager', task_manager_task_id: expect.any(Number) }
            : { status: 'SENT', provider: 'smtp' },
        ),
      })
    expect(await call('/notifications/health')).toMatchObject({ task_manager: { mode, status: 'ok', pending: 0 } })
    expect(await call('/notifications/statistics')).toMatchObject({ tasks: { created: mode === 'deliver' ? 2 : 0 } })
  })
})
