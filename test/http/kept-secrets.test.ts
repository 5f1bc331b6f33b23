import { expect, test } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { capture } from '../../adapters/transport/capture.ts'
import { admin, ask, openWorld } from '../conformance/http/world.ts'
import { account, openedWorld, passwordUsed, recording, secret, settingsPath } from '../security/checklist/support.ts'

test('another server is not signed in at with the password that was stored for the first', async () => {
  const used: string[] = []
  const { world } = await openedWorld([recording(used)])
  const put = (body: unknown) => ask(world, { method: 'PUT', path: settingsPath(world), body, caller: admin })
  expect((await put(account)).status).toBe(200)
  await world.start()
  const moves = [
    { email_smtp_host: 'evil.example' },
    { email_smtp_port: 2525 },
    { email_username: 'other@example.org' },
    { email_smtp_host: 'evil.example', email_password: '********' },
  ]
  for (const body of moves) {
    const { status, answer, text } = await put(body)
    expect(status).toBe(422)
    expect(answer).toMatchObject({
      code: 'invalid_input',
      field: 'email_password',
      detail: expect.stringContaining('email_password is required again'),
      errors: [{ field: 'email_password', message: expect.stringContaining('in the same request, or null') }],
    })
    expect(text).not.toContain(secret)
  }
  expect(await passwordUsed(world, used)).toBe(secret)
  expect((await put({ email_smtp_host: 'smtp.example.com', email_password: 'another' })).status).toBe(200)
  expect(await passwordUsed(world, used)).toBe('another')
  await world.stop()
})

test('what a GET showed goes back as it is, whatever is stored', async () => {
  const world = await openWorld({ storage: sqlite(':memory:'), transports: [{ ...capture(), name: 'pigeon' }] })
  const path = `/settings/${world.own['organization_id']}`
  const put = (body: unknown) => ask(world, { method: 'PUT', path, body, caller: admin })
  const stored = [
    { quiet_hours: [] },
    { ...account, sms_provider: 'pigeon', sms_api_key: 'key', sms_api_secret: 'secret' },
    { email_smtp_host: null, sms_provider: null },
    { email_username: null, sms_api_key: null },
  ]
  for (const body of stored) {
    expect((await put(body)).status).toBe(200)
    const shown = await ask(world, { method: 'GET', path, caller: admin })
    const back = await put(JSON.parse(shown.text))
    expect([back.status, back.answer]).toEqual([200, { ...Object(shown.answer), warnings: [] }])
  }
  await world.stop()
})
