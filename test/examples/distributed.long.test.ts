/** The clinic as several processes on one PostgreSQL, as a user starts it: one of them is killed, and every mail arrives once. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { serviceToken } from '../support/clinic-process.ts'
import { spawnExample } from '../support/example-process.ts'
import { openDatabase } from '../support/postgres-server.ts'
import { startSmtpServer } from '../support/smtp-server.ts'

const organization = '7f3d2a10-5b1e-4c7a-9a52-0c6f5a1d9b11'

type Worker = { readonly pid: number; readonly origin: string }

/** Starts it and waits until `count` processes listen. */
async function start(env: NodeJS.ProcessEnv, count: number) {
  const { child, stdout, stderr } = spawnExample('examples/distributed/main.ts', env)
  stderr.pipe(process.stderr)
  const workers: Worker[] = []
  for await (const line of createInterface({ input: stdout })) {
    const [, pid, origin] = /^worker \d+ \((\d+)\): listening on (\S+)$/.exec(line) ?? []
    if (origin !== undefined) workers.push({ pid: Number(pid), origin })
    if (workers.length === count) break
  }
  stdout.resume()
  return { child, workers }
}

it('runs in several processes, which share one database', { timeout: 150_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'distributed-'))
  const server = await openDatabase()
  const mailbox = await startSmtpServer()
  const { child, workers } = await start(
    {
      WORKERS: '2',
      PORT: '0',
      DATABASE_URL: server.url,
      DATABASE_FILE: join(folder, 'clinic.sqlite'),
      DEFAULT_SMTP_HOST: '127.0.0.1',
      DEFAULT_SMTP_PORT: String(mailbox.port),
      DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.org',
    },
    2,
  )
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await once(child, 'exit')
    await mailbox.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const post = async ({ origin }: Worker, path: string, body: object) => {
    const response = await fetch(`${origin}/api${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${serviceToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(response.status, path).toBe(201)
  }
  const [one, other] = workers
  if (one === undefined || other === undefined) throw new Error('two workers were started')
  await post(one, '/organizations', { id: organization, name: 'Harbour Clinic', time_zone: 'Europe/Berlin' })
  await post(other, '/notifications/settings/', { organization_id: organization, default_email_reminders: [24] })
  const bookings = 12
  for (let id = 1; id <= bookings; id += 1) {
    const worker = id % 2 === 0 ? one : other
    await post(worker, '/patients', { organization_id: organization, name: 'Ada', email: `p${id}@example.org` })
    // The reminder of the day before is due within a few seconds, after the worker is dead.
    const startsAt = new Date(Date.now() + 24 * 3_600_000 + 7000).toISOString()
    await post(worker, '/appointments', {
      organization_id: organization,
      patient_id: id,
      starts_at: startsAt,
      duration_minutes: 30,
      time_zone: 'Europe/Berlin',
      notify: true,
    })
  }
  const told = () => new Set(mailbox.mails.map((mail) => `${mail.subject} ${mail.to[0]}`))
  const end = Date.now() + 90_000
  const comesTo = async (count: number) => {
    while (told().size < count && Date.now() < end) await wait(100)
  }
  // The confirmations; then it has no mail on its way, which would wait for the end of its lease (the crash tests see to that).
  await comesTo(bookings)
  process.kill(one.pid, 'SIGKILL')
  await comesTo(2 * bookings)
  const reminded = [...told()].filter((line) => /reminder/i.test(line)).map((line) => line.split(' ').at(-1) ?? '')
  expect(reminded.sort()).toEqual(Array.from({ length: bookings }, (_, index) => `p${index + 1}@example.org`).sort())
  expect(told().size).toBe(2 * bookings)
})
