import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, it, onTestFinished } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import type { CheckUpOptions, WebhookReading } from '../../src/index.ts'
import { emptySettings } from '../../src/schemas/settings.ts'
import { ask } from '../conformance/http/world.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { freePort } from '../support/free-port.ts'
import { keyOf } from '../support/keys.ts'
import { sqlite } from '../support/stores.ts'

const now = '2026-03-18T12:00:00Z'

type Clinic = Awaited<ReturnType<typeof openClinic>>
const causes = async (clinic: Clinic, code: string, options: CheckUpOptions = {}) =>
  (await clinic.checkUp({ verify: false, ...options })).findings
    .filter((one) => one.code === code)
    .map(({ cause }) => cause)

it('asks the public URL whether this library answers there', async () => {
  const server = createServer((request, response) => {
    const isMounted = request.url?.startsWith('/n/') === true
    response.writeHead(isMounted ? 200 : 404, { 'content-type': 'application/json' })
    response.end(isMounted ? '{"status":"ok"}' : '{"status":"none"}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  const base = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : ''
  const at = async (publicUrl: string) => {
    await using clinic = await openClinic(now, { publicUrl, authenticate: () => ({ kind: 'service' }) })
    expect(await causes(clinic, 'public_url_unreachable')).toEqual([])
    const found = await causes(clinic, 'public_url_unreachable', { publicUrl: true })
    const overHttp = async (query: string) => {
      const { text } = await ask(clinic, { method: 'GET', path: `/health/check${query}`, caller: null })
      return /"public_url_unreachable"/.test(text)
    }
    expect(await overHttp('')).toBe(false)
    expect(await overHttp('?public_url=true')).toBe(found.length > 0)
    return found
  }
  await using unmounted = await openClinic(now)
  const missing = (options: CheckUpOptions) => causes(unmounted, 'public_url_missing', options)
  expect([await missing({}), await missing({ publicUrl: true })]).toEqual([
    [],
    [expect.stringMatching(/no public URL/)],
  ])
  expect(await at(`${base}/n`)).toEqual([])
  expect(await at(`${base}/m`)).toEqual([`GET ${base}/m/health: something else answers, with status 404`])
  const nowhere = `http://127.0.0.1:${await freePort()}/n`
  expect(await at(nowhere)).toEqual([`GET ${nowhere}/health: ECONNREFUSED`])
})

it('names a directory that takes long, and by how much', async () => {
  await using clinic = await openClinic(now)
  clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z' })
  expect(await causes(clinic, 'directory_slow')).toEqual([])
  const real = clinic.host.appointments.bind(clinic.host)
  const appointments: typeof real = (ids) => {
    clinic.clock.jump(new Date(clinic.clock.now().getTime() + 3200))
    return real(ids)
  }
  Object.assign(clinic.host, { appointments })
  expect(await causes(clinic, 'directory_slow')).toEqual(['directory.appointments() took 3.2 s for a page.'])
})

it('names a method of the directory and a provider that do not answer', async () => {
  const never = () => new Promise<never>(() => {})
  await using clinic = await openClinic(now, { transports: [{ ...capture(), channels: ['EMAIL'], verify: never }] })
  clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z' })
  Object.assign(clinic.host, { appointments: never })
  const asked = clinic.checkUp()
  await clinic.clock.advance(20_000)
  const { findings } = await asked
  expect(findings.map(({ code, cause }) => [code, cause])).toEqual(
    expect.arrayContaining([
      ['directory_failing', 'directory.appointments() did not answer within 5 s.'],
      ['provider_failing', 'EMAIL: The provider did not answer within 10000 ms. (capture, timeout)'],
    ]),
  )
})

it('names a webhook that refused requests until its provider was heard since, and for a day', async () => {
  let reading: WebhookReading = { kind: 'refused', reason: 'unsigned' }
  const outbox = capture({ receipts: async () => reading })
  await using clinic = await openClinic(now, { transports: [outbox] })
  clinic.host.book({ id: 1, startsAt: '2026-04-20T15:00:00Z' })
  await clinic.start()
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
  await clinic.settle()
  const [message] = outbox.sent.filter(({ channel }) => channel === 'EMAIL')
  if (message === undefined) throw new Error('Nothing was sent.')
  const asked = async (next: typeof reading) => {
    reading = next
    const readBody = async () => ({ kind: 'bytes', bytes: new Uint8Array() }) as const
    const request = { method: 'POST', path: '/webhooks/capture/email', query: '', headers: {}, native: null, readBody }
    await clinic.handle(request)
    await clinic.clock.advance(1000)
    return causes(clinic, 'webhook_refused')
  }
  const refused = { kind: 'refused', reason: 'unsigned' } as const
  const { notificationId } = message
  const read = { kind: 'read', reports: [{ notificationId, receipt: { outcome: 'delivered' } }] } as const
  const dayMs = 86_400_000
  expect(await asked(refused)).toEqual(['1 requests to the webhook of capture were refused, and 0 reports accepted.'])
  await clinic.clock.advance(2 * dayMs)
  expect(await causes(clinic, 'webhook_refused')).toHaveLength(1)
  expect(await asked(read)).toEqual([])
  await asked(refused)
  expect(await asked(read)).toHaveLength(1)
  await clinic.clock.advance(dayMs)
  expect(await causes(clinic, 'webhook_refused')).toEqual([])
})

it('names secrets that no key of this process opens', async () => {
  const database = new Database(':memory:')
  onTestFinished(() => void database.close())
  const open = (encryptionKey: string[]) => openClinic(now, { storage: sqlite({ database }), encryptionKey })
  const clinic = await open([keyOf(1)])
  const account = { emailSmtpHost: 'mail.example.org', emailUsername: 'clinic', emailPassword: 'secret' }
  await clinic.settings.createOrganizationSettings(organizationId, account)
  expect(await causes(await open([keyOf(2), keyOf(1)]), 'keys_unreadable')).toEqual([])
  expect(await causes(await open([keyOf(2), keyOf(3)]), 'keys_unreadable')).toEqual([
    '1 of 1 stored secrets were sealed with a key that this process does not have.',
  ])
})

const workers = ['not_started', 'none_started', 'messages_late']
const sweepMs = 30_000
const minuteMs = 60_000

it('knows a process that sends elsewhere, and names it where none does', async () => {
  const database = new Database(':memory:')
  onTestFinished(() => void database.close())
  await using web = await openClinic(now, { storage: sqlite({ database }), sweepMs })
  const parts = { storage: sqlite({ database }), sweepMs, clock: web.clock, directory: web.host }
  await using worker = await openClinic(now, parts)
  const named = async () =>
    (await web.checkUp({ verify: false })).findings.map(({ code }) => code).filter((code) => workers.includes(code))
  const remind = (id: number) => {
    web.host.book({ id, startsAt: new Date(web.clock.now().getTime() + 61 * minuteMs) })
    return web.notifications.scheduleReminders(id, { customReminders: [1] })
  }
  expect(await named()).toEqual(['none_started'])
  await worker.start()
  await remind(1)
  await web.clock.advance(10 * minuteMs)
  expect(worker.outbox.sent).toHaveLength(2)
  expect(await named()).toEqual([])

  // Of what waits beside a worker that runs, the cause is not that there is none.
  await remind(2)
  web.host.fault = new Error('its database is away')
  await web.clock.advance(10 * minuteMs)
  expect(await named()).toEqual(['messages_late'])
  expect(await causes(web, 'directory_failing')).not.toEqual([])
  web.host.fault = null
  web.log.lines.length = 0
  await remind(3)
  await web.settle()
  expect(web.log.lines.join()).not.toMatch(/not sent by any process/)

  await worker.stop()
  await web.clock.advance(10 * minuteMs)
  expect(await named()).toEqual(['not_started'])
  await remind(4)
  await web.settle()
  expect(web.log.lines.join()).toMatch(/not sent by any process/)
})

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'check-up-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

it('makes no database where there is none, and says where it looked', async () => {
  const folder = await emptyFolder()
  const path = join(folder, 'clinic.sqlite')
  await using clinic = await openClinic(now, { storage: sqlite(path) }, { isMigrated: false })
  expect(await causes(clinic, 'tables_missing')).toEqual([
    `migration_missing: There is no database at ${path}. Call migrate(), which makes it, or correct the path.`,
  ])
  const { applied } = await clinic.migrate({ dryRun: true })
  await expect(clinic.notifications.appointmentBooked(1)).rejects.toMatchObject({ code: 'migration_missing' })
  expect(await readdir(folder)).toEqual([])
  expect((await clinic.migrate()).applied).toEqual(applied)
  expect(await causes(clinic, 'tables_missing')).toEqual([])
})

it('leaves a database that nobody migrated as it is', async () => {
  const path = join(await emptyFolder(), 'hosts.sqlite')
  const hosts = new Database(path)
  onTestFinished(() => void hosts.close())
  hosts.exec('create table visits (id integer primary key)')
  await using clinic = await openClinic(now, { storage: sqlite(path) }, { isMigrated: false })
  expect(await causes(clinic, 'tables_missing')).toHaveLength(1)
  await clinic.migrate({ dryRun: true })
  const tables = () => hosts.prepare("select name from sqlite_master where type = 'table'").pluck().all()
  expect([tables(), hosts.pragma('journal_mode', { simple: true })]).toEqual([['visits'], 'delete'])
  await clinic.migrate()
  expect([tables().length > 10, hosts.pragma('journal_mode', { simple: true })]).toEqual([true, 'wal'])
})

it('writes nothing, neither do health and effective settings', async () => {
  const path = join(await emptyFolder(), 'clinic.sqlite')
  const storage = sqlite(path)
  const env = { DEFAULT_SMTP_HOST: 'mail.example.org', DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.org' }
  await using clinic = await openClinic(now, { storage, env, authenticate: () => ({ kind: 'service' }) })
  // As the host application may have written it.
  await storage.settings.create(organizationId, { ...emptySettings, emailEnabled: true }, null, clinic.clock.now())
  const watching = new Database(path, { readonly: true })
  onTestFinished(() => void watching.close())
  const version = () => watching.pragma('data_version', { simple: true })
  const before = version()
  await clinic.checkUp()
  await clinic.checkUp({ organizationId })
  const doctor = await openClinic(
    now,
    { storage: sqlite(path), env, encryptionKey: [keyOf(1), keyOf(2)] },
    { isMigrated: false },
  )
  await doctor.checkUp()
  await doctor.stop()
  await clinic.settings.effectiveSettings(organizationId)
  for (const path of ['/health', '/health/check', `/debug/effective-settings/${organizationId}`]) {
    expect((await ask(clinic, { method: 'GET', path, caller: null })).status).toBe(200)
  }
  expect(version()).toBe(before)
  await clinic.start()
  await clinic.settle()
  expect(version()).not.toBe(before)
})

it.each([
  ['to be sent', {}],
  ['planned, without anything to be sent', { email: null, phone: null }],
])(
  'asks a directory that lists nothing for what is %s, and says where there is nothing to ask for',
  async (_, contact) => {
    const database = new Database(':memory:')
    onTestFinished(() => void database.close())
    const clinic = await openClinic(now, { storage: sqlite({ database }) })
    Object.assign(clinic.host, { upcoming: undefined })
    expect(await causes(clinic, 'directory_unasked')).toHaveLength(1)
    clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z', recipients: [{ ...ada, ...contact }] })
    await clinic.notifications.scheduleReminders(1)
    const asking = async () => {
      await using other = await openClinic(now, { storage: sqlite({ database }), directory: clinic.host })
      expect(await causes(other, 'directory_unasked')).toEqual([])
      return causes(other, 'directory_failing')
    }
    expect(await asking()).toEqual([])
    clinic.host.fault = new Error('its database is away')
    expect(await asking()).toEqual([
      'directory.appointments() fails: Error.',
      'directory.organizations() fails: Error.',
    ])
  },
)
