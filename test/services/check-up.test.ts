import { once } from 'node:events'
import { createServer } from 'node:http'
import Database from 'better-sqlite3'
import { expect, it, onTestFinished } from 'vitest'
import type { CheckUpOptions } from '../../src/index.ts'
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
