/** That the faults happen as told: a proof by them is worth nothing otherwise. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { silentLogger, type TaskDraft, TaskManagerClient } from '../../src/index.ts'
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts'
import type { SmtpTestServer } from '../support/smtp-server.ts'
import { calm } from './faults.ts'
import { type FaultyTaskManager, startFaultyTaskManager } from './faulty-task-manager.ts'
import { readMailLog, startMailLog } from './mail-log.ts'

let folder: string
let log: string
let mail: SmtpTestServer
let host: ScriptedServer
let faulty: FaultyTaskManager
let client: TaskManagerClient

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faulty-'))
  log = join(folder, 'mails.log')
  mail = await startMailLog(log)
  host = await startScriptedServer({ status: 200, json: {} })
  faulty = await startFaultyTaskManager({ folder, smtpPort: mail.port, seed: 7 })
  client = new TaskManagerClient({
    url: faulty.url,
    env: {},
    logger: silentLogger,
    timeoutMs: 2000,
    retry: { maxRetries: 20, baseMs: 5, maxMs: 100 },
    breaker: { failures: 1000 },
  })
})
afterAll(async () => {
  await faulty.stop()
  await Promise.all([mail.close(), host.shut()])
  await rm(folder, { recursive: true, force: true })
})

const email = (n: number, scheduledTime = new Date()): TaskDraft => ({
  name: `Appointment Reminder - ${n}`,
  description: '',
  taskType: 'email',
  payload: { recipient_email: `p${n}@example.org`, message: 'Hello' },
  scheduledTime,
  callbackUrl: `${host.url}/reminder-callback/${n}?token=token-${n}`,
  maxRetries: 3,
})
const createAll = (from: number, count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, index) =>
      client.createTask(email(from + index), { idempotencyKey: `key-${from + index}` }),
    ),
  )
const mailsTo = (from: number, count: number): number =>
  readMailLog(log).filter(({ to }) => {
    const n = Number(/\d+/.exec(to)?.[0])
    return n >= from && n < from + count
  }).length
async function until(done: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (done()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('not in time')
}

it('sends each once through errors, hangs and drops, and repeats, shuffles and forges callbacks', async () => {
  faulty.faults = {
    ...calm,
    ...{ errors: 0.1, hangs: 0.05, hangMs: 50, drops: 0.1 },
    ...{ copies: [1, 5], spreadMs: 300, forged: 0.2 },
  }
  await createAll(0, 100)
  await until(() => mailsTo(0, 100) === 100)
  await faulty.settled()
  const { errors, hangs, drops, storm } = faulty.counts
  expect([errors, hangs, drops].every((count) => count > 0)).toBe(true)
  const token = (path: string) => new URL(path, host.url).searchParams.get('token')
  const isGenuine = ({ path }: { path: string }) => `token-${/\d+/.exec(path)?.[0]}` === token(path)
  const genuine = host.asked.filter(isGenuine).map(({ path }) => path)
  expect(new Set(genuine).size).toBe(100)
  expect(genuine.length).toBe(storm.delivered[200])
  const times = genuine.map((path) => genuine.filter((other) => other === path).length)
  expect([Math.min(...times), Math.max(...times)]).toEqual([1, 5])
  const share = (host.asked.length - genuine.length) / host.asked.length
  expect(share).toBeGreaterThan(0.12)
  expect(share).toBeLessThan(0.28)
  expect(storm.forged[200], 'this host lets everybody in').toBe(host.asked.length - genuine.length)
  const firsts = [...new Set(genuine)].map((path) => Number(/\d+/.exec(path)?.[0]))
  expect(firsts, 'out of order').not.toEqual(firsts.toSorted((one, other) => one - other))
})

it('tells of callbacks as they were asked for', async () => {
  faulty.faults = calm
  const draft = email(200, new Date(Date.now() + 3_600_000))
  const task = await client.createTask(draft, { idempotencyKey: 'key-200' })
  expect((await client.getTask(task.id))?.callbackUrl).toBe(draft.callbackUrl)
  const callbackUrl = `${host.url}/reminder-callback/201?token=token-201`
  expect((await client.updateTask(task.id, { callbackUrl }))?.callbackUrl).toBe(callbackUrl)
  expect(await client.cancelTask(task.id)).toBe('cancelled')
})

it('loses tasks that it said it has', async () => {
  faulty.faults = { ...calm, lostTasks: 0.2 }
  const tasks = await createAll(300, 50)
  const found = await Promise.all(tasks.map(({ id }) => client.getTask(id)))
  const lost = found.filter((task) => task === null).length
  expect(lost).toBe(faulty.counts.lostTasks)
  expect(lost).toBeGreaterThan(2)
  await until(() => mailsTo(300, 50) === 50 - lost)
})

it('is killed and comes back with what it had; goes dark and is found again', async () => {
  faulty.faults = calm
  await faulty.goDark()
  await expect(client.health()).resolves.toMatchObject({ ok: false })
  await faulty.comeBack()
  await createAll(400, 20)
  await faulty.kill()
  expect(await client.health()).toMatchObject({ ok: false })
  await faulty.restart()
  await createAll(420, 5)
  await until(
    () =>
      new Set(
        readMailLog(log)
          .filter(({ to }) => /^p4\d\d@/.test(to))
          .map(({ to }) => to),
      ).size === 25,
  )
  await faulty.settled()
})
