/** The stand-in for TaskManager as a process of its own: real mail, real callbacks, real crashes. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { silentLogger, type TaskDraft, TaskManagerClient } from '../../src/index.ts'
import { draft } from '../services/task-manager/fixture.ts'
import { type ExampleProcess, endExample } from '../support/example-process.ts'
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts'
import { type ReceivedMail, type SmtpTestServer, startSmtpServer } from '../support/smtp-server.ts'
import { startTaskManager } from '../support/task-manager-process.ts'

let folder: string
let mail: SmtpTestServer
/** Where callbacks go: a new one for each test. */
let host: ScriptedServer
let service: ExampleProcess
let client: TaskManagerClient

async function start(env: Record<string, string> = {}): Promise<void> {
  service = await startTaskManager(folder, { smtpPort: mail.port, env })
  client = new TaskManagerClient({ url: service.origin, env: {}, logger: silentLogger })
}

async function crash(): Promise<void> {
  await endExample(service, 'SIGKILL')
}

beforeAll(async () => {
  mail = await startSmtpServer()
  folder = await mkdtemp(join(tmpdir(), 'task-manager-'))
  await start()
})
afterAll(async () => {
  await endExample(service, 'SIGTERM')
  await Promise.all([mail.close(), rm(folder, { recursive: true, force: true })])
})
beforeEach(async () => {
  host = await startScriptedServer({ status: 200, json: {} })
})
afterEach(async () => {
  mail.fault = null
  await host.shut()
})

/** Due now, unless told otherwise. */
const email = (changes: Partial<TaskDraft> = {}): TaskDraft => ({
  ...draft,
  scheduledTime: new Date(),
  callbackUrl: `${host.url}/reminder-callback/456?token=t`,
  ...changes,
})
const to = (recipient: string, changes: Partial<TaskDraft> = {}): TaskDraft =>
  email({ ...changes, payload: { ...email().payload, recipient_email: recipient } })

let keys = 0
const create = (task: TaskDraft) => client.createTask(task, { idempotencyKey: `key-${++keys}` })
const inMs = (ms: number): Date => new Date(Date.now() + ms)
const calls = (): readonly { [name: string]: unknown }[] => host.asked.map(({ body }) => JSON.parse(body))
const mailsTo = (recipient: string): readonly ReceivedMail[] => mail.mails.filter((one) => one.to.includes(recipient))

/** Polls: the service’s clock is the real one. */
async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await done()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`not in time; the service said: ${service.output.join('\n')}`)
}

it('creates, sends, and calls back with the documented body', async () => {
  const created = await create(email({ scheduledTime: inMs(150) }))
  expect(created).toMatchObject({ id: '1', status: 'pending', attempts: 0, retriesLeft: true })
  await until(() => host.asked.length === 1)
  expect(mail.mails).toHaveLength(1)
  const [sent] = mail.mails
  expect(sent).toMatchObject({ to: ['patient@email.com'], subject: 'Appointment Reminder - January 15, 2024' })
  expect(host.asked[0]).toMatchObject({ method: 'POST', path: '/reminder-callback/456?token=t' })
  expect(calls()).toEqual([
    {
      status: 'success',
      result: { message_id: sent?.messageId, delivered_at: expect.stringMatching(/^\d{4}-.*Z$/) },
      task_id: 1,
      execution_id: 1,
    },
  ])
  const task = await client.getTask('1')
  expect(task).toMatchObject({ status: 'completed', executionId: '1', attempts: 1, retriesLeft: false })
  expect(task?.startedAt?.getTime()).toBeGreaterThanOrEqual(task?.scheduledTime?.getTime() ?? Number.NaN)
  expect(await client.health()).toMatchObject({ ok: true })
})

it('makes one task under one key', async () => {
  const draft = email({ scheduledTime: inMs(3_600_000) })
  const key = { idempotencyKey: 'reminder-456' }
  const [first, second] = await Promise.all([client.createTask(draft, key), client.createTask(draft, key)])
  expect(second.id).toBe(first.id)
  const pending = await client.listTasks({ status: 'pending' })
  expect(pending.tasks.map(({ id }) => id)).toEqual([first.id])
  await expect(client.createTask({ ...draft, name: 'Another' }, key)).rejects.toThrow('idempotency_key_reused')
  expect(await client.cancelTask(first.id)).toBe('cancelled')
})

it('is silent about what was cancelled, and keeps to what was moved', async () => {
  const soon = inMs(1500)
  const cancelled = await create(to('cancelled@email.com', { scheduledTime: soon }))
  const moved = await create(to('moved@email.com', { scheduledTime: inMs(3_600_000) }))
  const silent = await create(to('silent@email.com', { scheduledTime: soon }))
  expect(await client.cancelTask(cancelled.id)).toBe('cancelled')
  expect(await client.cancelTask(cancelled.id), 'twice is once').toBe('cancelled')
  await client.updateTask(silent.id, { scheduledTime: inMs(3_600_000) })
  const scheduledTime = new Date(soon.getTime() + 50)
  expect(await client.updateTask(moved.id, { scheduledTime })).toMatchObject({ scheduledTime, maxRetries: 3 })
  await until(() => host.asked.length === 1)
  expect(mailsTo('moved@email.com')).toHaveLength(1)
  expect([...mailsTo('cancelled@email.com'), ...mailsTo('silent@email.com')]).toEqual([])
  const late = { code: 'task_manager_conflict' }
  await expect(client.updateTask(cancelled.id, { scheduledTime })).rejects.toMatchObject(late)
  expect(await client.cancelTask(moved.id)).toBe('not_cancellable')
  expect([await client.cancelTask('999'), await client.getTask('999')]).toEqual(['gone', null])
})

it('does not let go of a task that runs', async () => {
  mail.fault = { at: 'data', how: 'silent' }
  const { id } = await create(email())
  await until(async () => (await client.getTask(id))?.status === 'running')
  expect(await client.cancelTask(id)).toBe('not_cancellable')
  await expect(client.updateTask(id, { maxRetries: 0 })).rejects.toMatchObject({ code: 'task_manager_conflict' })
  mail.fault = null
  // The connection breaks, and the task is tried again.
  mail.dropAll()
  await until(() => calls().at(-1)?.['status'] === 'success')
})

it('tries again after a failure that passes, and tells of each', async () => {
  mail.fault = { at: 'rcpt', how: { code: 451 } }
  const { id } = await create(to('again@email.com', { maxRetries: 50 }))
  await until(() => host.asked.length >= 2)
  const task = await client.getTask(id)
  expect(['pending', 'running']).toContain(task?.status)
  expect(task).toMatchObject({ error: 'smtp_451', retriesLeft: true })
  mail.fault = null
  await until(() => calls().at(-1)?.['status'] === 'success')
  expect(mailsTo('again@email.com')).toHaveLength(1)
  expect(calls()[0]).toEqual({
    status: 'failed',
    error: 'smtp_451',
    task_id: Number(id),
    execution_id: expect.any(Number),
  })
})

it('gives up after the last retry, and at once what was refused for good', async () => {
  mail.fault = { at: 'rcpt', how: { code: 451 } }
  const passing = await create(email({ maxRetries: 1 }))
  await until(async () => (await client.getTask(passing.id))?.status === 'failed')
  expect(await client.getTask(passing.id)).toMatchObject({ attempts: 2, retriesLeft: false })
  mail.fault = { at: 'rcpt', how: { code: 550, text: 'no patient@email.com here' } }
  const final = await create(email())
  await until(async () => (await client.getTask(final.id))?.status === 'failed')
  expect(await client.getTask(final.id)).toMatchObject({ attempts: 1, retriesLeft: false, error: 'smtp_550' })
  await until(() => host.asked.length === 3)
  expect(service.output.join('\n')).not.toContain('patient@email.com')
})

it('only calls back for a task of the type callback, and prints an SMS where it has no way to send one', async () => {
  const { id } = await create(email({ taskType: 'callback', payload: { reminder_id: 456 } }))
  await until(() => host.asked.length === 1)
  expect(calls()).toEqual([{ status: 'success', result: {}, task_id: Number(id), execution_id: expect.any(Number) }])
  await create(email({ taskType: 'sms' }))
  await until(() => host.asked.length === 2)
  expect(calls().at(-1)).toMatchObject({
    result: { message_id: expect.stringMatching(/^printed-/), delivered_at: null },
  })
  expect(service.output).toContainEqual(expect.stringMatching(/^printed, not sent: SMS to \+1234567890: Reminder/))
})

it('sends once what was due while it was dead', async () => {
  const scheduledTime = inMs(1000)
  await create(to('due@email.com', { scheduledTime }))
  await crash()
  expect(mailsTo('due@email.com')).toEqual([])
  await until(() => Date.now() > scheduledTime.getTime())
  await start()
  await create(to('later@email.com', { scheduledTime: inMs(100) }))
  await until(() => host.asked.length === 2)
  expect([mailsTo('due@email.com').length, mailsTo('later@email.com').length]).toEqual([1, 1])
})

it('sends the same mail again where it died before it knew that the mail had gone', async () => {
  mail.fault = { at: 'accepted', how: 'silent' }
  const { id } = await create(to('twice@email.com'))
  await until(() => mailsTo('twice@email.com').length === 1)
  expect((await client.getTask(id))?.status).toBe('running')
  await crash()
  mail.fault = null
  await start()
  await until(() => host.asked.length === 1)
  const [first, second] = mailsTo('twice@email.com')
  expect(first?.messageId).toMatch(/^<.+@localhost>$/)
  expect(second?.messageId).toBe(first?.messageId)
  expect(calls()).toMatchObject([{ status: 'success', result: { message_id: first?.messageId } }])
  expect((await client.getTask(id))?.attempts).toBe(2)
})

it('calls back until it is heard, also after a crash', async () => {
  await host.shut()
  const { id } = await create(to('heard@email.com'))
  await until(() => service.output.some((line) => line.includes(`of task ${id}: unreachable`)))
  await crash()
  host.replies = [{ status: 503 }, { status: 429 }, 'drop', { status: 200 }]
  await host.reopen()
  await start()
  await until(() => host.asked.length === 4)
  expect(new Set(host.asked.map(({ body }) => body)).size).toBe(1)
  // A refusal is an answer. What comes later shows that there was no call more.
  host.replies = [{ status: 404 }]
  const refused = await create(email())
  await until(() => host.asked.length === 5)
  const last = await create(email())
  await until(() => host.asked.length === 6)
  expect(calls().map(({ task_id }) => String(task_id))).toEqual([id, id, id, id, refused.id, last.id])
  expect(mailsTo('heard@email.com')).toHaveLength(1)
})

it('posts an SMS to a gateway, and refuses callers without the token and tasks that it could not run', async () => {
  const gateway = await startScriptedServer({ status: 503 }, { status: 202 })
  await endExample(service, 'SIGTERM')
  await start({ SMS_WEBHOOK_URL: `${gateway.url}/sms`, TASK_MANAGER_TOKEN: 'service-token' })
  await expect(client.getTask('1')).rejects.toThrow(/401 \(unauthenticated\).*token/)
  expect(await client.health(), 'a monitor needs none').toMatchObject({ ok: true })
  client = new TaskManagerClient({ url: service.origin, token: 'service-token', env: {} })
  const { id } = await create(email({ taskType: 'sms' }))
  await until(() => calls().at(-1)?.['status'] === 'success')
  const posted = { id: `sms-${id}`, to: '+1234567890', message: email().payload['message'] }
  expect(gateway.asked.map(({ body }) => JSON.parse(body))).toEqual([posted, posted])
  await gateway.shut()
  for (const [draft, field] of [
    [email({ taskType: 'fax' }), 'body.task_type'],
    [email({ payload: { message: 'hi' } }), 'body.payload.recipient_email'],
    [email({ taskType: 'sms', payload: { message: 'hi', recipient_phone: '555' } }), 'body.payload.recipient_phone'],
  ] as const) {
    await expect(create(draft)).rejects.toThrow(`(validation_failed, ${field})`)
  }
})
