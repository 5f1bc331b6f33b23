import { expect, test } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { capture } from '../../adapters/transport/capture.ts'
import { TransportError } from '../../src/index.ts'
import { ask, creates, openWorld, service, someoneAllowed, validRequest } from '../conformance/http/world.ts'

const canary = 'canary-7b1d93'
const key = Buffer.from(`${canary}-as-an-encryption-key-.`.padEnd(32, '.').slice(0, 32)).toString('base64')
/** Also as it would look encoded. */
const traces = [
  canary,
  Buffer.from(canary).toString('base64').replace(/=+$/, '').slice(0, 16),
  Buffer.from(canary).toString('hex'),
  key,
]

const secrets = { email_password: `${canary}-mail`, sms_api_key: `${canary}-key`, sms_api_secret: `${canary}-secret` }

/** A provider as bad as they come: its errors quote the credentials. */
const leaky = () => {
  const fault = () => {
    throw new TransportError('refused', {
      outcome: 'permanent',
      code: 'refused',
      scope: 'account',
      cause: new Error(canary),
    })
  }
  return {
    ...capture(),
    name: 'leaky',
    needsAccount: true,
    channels: ['SMS'] as const,
    send: async () => fault(),
    verify: async () => fault(),
  }
}

test('a secret appears in no response, error, log or event', async () => {
  const env = {
    DEFAULT_SMTP_HOST: 'smtp.example.org',
    DEFAULT_EMAIL_USERNAME: 'mail@example.org',
    DEFAULT_EMAIL_PASSWORD: `${canary}-default`,
    DEFAULT_SMS_PROVIDER: 'leaky',
    DEFAULT_SMS_API_KEY: `${canary}-default-key`,
    DEFAULT_SMS_API_SECRET: `${canary}-default-secret`,
  }
  const world = await openWorld({
    encryptionKey: key,
    transports: [leaky(), { ...capture(), name: 'smtp', needsAccount: true }],
    env,
  })
  const bareWorld = await openWorld({
    bare: true,
    encryptionKey: key,
    storage: sqlite(':memory:'),
    transports: [leaky()],
    env,
  })
  const seen: string[] = []
  const tell = async (stage: typeof world, request: Parameters<typeof ask>[1]) => {
    const { status, text, headers } = await ask(stage, request)
    seen.push(text, JSON.stringify(headers))
    return status
  }
  const path = `/settings/${world.own['organization_id']}`
  const body = {
    ...secrets,
    email_smtp_host: 'smtp.example.org',
    email_username: 'a@example.org',
    sms_provider: 'leaky',
  }
  expect(await tell(world, { method: 'PUT', path, body, caller: service })).toBe(200)
  expect(
    await tell(bareWorld, {
      method: 'POST',
      path: '/settings/',
      body: { ...body, organization_id: world.own['organization_id'] },
      caller: service,
    }),
  ).toBe(201)

  await world.start()
  for (const row of world.endpoints) {
    const stage = creates(row) ? bareWorld : world
    for (const caller of [someoneAllowed(row), service]) {
      const valid = validRequest(row, stage.own, stage, caller)
      await tell(stage, valid)
      if (row.method === 'GET' || row.method === 'DELETE') continue
      await tell(stage, { ...valid, body: `{"email_password":"${canary}` })
      await tell(stage, {
        ...valid,
        body: { ...Object(valid.body), unknown: canary, email_password: { nested: canary } },
      })
      await tell(stage, {
        ...valid,
        body: { ...Object(valid.body), sms_api_key: [canary], sms_api_secret: 'x'.repeat(2000) + canary },
      })
      await tell(stage, { ...valid, body: canary })
    }
  }
  // Past the days in which the refused accounts are tried once a minute.
  world.clock.jump('2024-09-26T11:59:00Z')
  await world.clock.advanceTo('2024-09-26T12:00:00Z')
  for (const row of world.endpoints.filter(({ method }) => method === 'GET')) {
    await tell(world, validRequest(row, world.own, world, service))
  }
  await tell(world, { method: 'GET', path: '/health', caller: service })
  await world.stop()
  await bareWorld.stop()

  const told = [
    ...seen,
    ...world.log.lines,
    ...bareWorld.log.lines,
    JSON.stringify(world.told),
    JSON.stringify(bareWorld.told),
  ].join('\n')
  expect(world.told.some(({ name }) => name === 'notification.failed')).toBe(true)
  for (const trace of traces) expect(told).not.toContain(trace)
})
