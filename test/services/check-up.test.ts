import { once } from 'node:events'
import { createServer } from 'node:http'
import Database from 'better-sqlite3'
import { expect, it, onTestFinished } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import type { CheckUpOptions, WebhookReading } from '../../src/index.ts'
import { openClinic, organizationId } from '../support/clinic.ts'
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
    await using clinic = await openClinic(now, { publicUrl })
    expect(await causes(clinic, 'public_url_unreachable')).toEqual([])
    return causes(clinic, 'public_url_unreachable', { publicUrl: true })
  }
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
