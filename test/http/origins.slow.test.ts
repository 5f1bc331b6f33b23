import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createNotifications, type Endpoint } from '../../src/index.ts'
import {
  ask,
  creates,
  openWorld,
  service,
  someoneAllowed,
  validRequest,
  type World,
} from '../conformance/http/world.ts'

const cookie = { cookie: 'session=of-a-user' }
const stranger = { ...cookie, origin: 'https://evil.example' }
const path = '/reminders/appointment/42/reschedule'
let world: World
const rows = await (async () => {
  await using probe = await openWorld({ bare: true })
  return probe.endpoints
})()
beforeAll(async () => {
  world = await openWorld({ allowedOrigins: ['https://app.clinic.example', 'capacitor://localhost'] })
})
afterAll(() => world.stop())

const post = async (headers: Readonly<Record<string, string>>, stage: World = world) => {
  const { status, answer } = await ask(stage, { method: 'POST', path, caller: service, headers })
  return status === 200 ? 200 : [status, answer]
}
const refused = [
  403,
  expect.objectContaining({ code: 'forbidden', detail: expect.stringContaining('"allowedOrigins"') }),
]

describe('a page of somebody else', () => {
  test.each<[string, Record<string, string>]>([
    ['another origin', stranger],
    ['an origin that begins like ours', { ...cookie, origin: 'https://clinic.example.evil.example' }],
    ['our host without TLS', { ...cookie, origin: 'http://clinic.example' }],
    ['our host at another port', { ...cookie, origin: 'https://clinic.example:8443' }],
    ['a sandbox', { ...cookie, origin: 'null' }],
    ['nothing that is an origin', { ...cookie, origin: '' }],
    ['several origins', { ...cookie, origin: 'https://clinic.example, https://evil.example' }],
    ['a link of another site', { ...cookie, 'sec-fetch-site': 'cross-site' }],
    [
      'another origin of the same site',
      { ...cookie, origin: 'https://x.clinic.example', 'sec-fetch-site': 'same-site' },
    ],
    ['another origin with the password that the browser keeps', { ...stranger, authorization: 'Basic YTpi' }],
    ['another origin with the ticket of the machine', { ...stranger, authorization: 'Negotiate YII' }],
  ])('%s reschedules nothing with the cookies of a user', async (_name, headers) => {
    expect(await post(headers)).toEqual(refused)
  })

  test.each<[string, Record<string, string>]>([
    ['our own page', { ...cookie, origin: 'https://clinic.example', 'sec-fetch-site': 'same-origin' }],
    ['our own page, its port written out', { ...cookie, origin: 'https://CLINIC.example:443' }],
    ['a page that is allowed', { ...cookie, origin: 'https://app.clinic.example', 'sec-fetch-site': 'cross-site' }],
    ['an app that is allowed', { ...cookie, origin: 'capacitor://localhost', 'sec-fetch-site': 'cross-site' }],
    ['a server, which says nothing of origins', {}],
    ['a server with a cookie', cookie],
    ['a user who types the address', { ...cookie, 'sec-fetch-site': 'none' }],
    ['another origin with a token', { origin: 'https://evil.example', authorization: 'Bearer 8f2c' }],
    ['another site with a token', { 'sec-fetch-site': 'cross-site', authorization: 'Bearer 8f2c' }],
  ])('%s may', async (_name, headers) => {
    expect(await post(headers)).toBe(200)
  })

  test.each(rows)('$id: refused if and only if it changes something for a caller', async (row: Endpoint) => {
    await using stage = await openWorld({ bare: creates(row) })
    const request = validRequest(row, stage.own, stage, someoneAllowed(row))
    const { status, answer } = await ask(stage, { ...request, headers: stranger })
    const isRefused = row.access.kind === 'members' && row.method !== 'GET'
    expect([status === 403, answer]).toEqual(
      isRefused ? [true, expect.objectContaining({ code: 'forbidden' })] : [false, answer],
    )
    // The link of the example is nobody's.
    if (row.access.kind === 'link') expect([404, 415]).toContain(status)
    else if (!isRefused) expect(status).toBeLessThan(300)
  })

  test('is refused before anybody is asked who calls, with one line in the log that names the origin', async () => {
    let asked = 0
    await using stage = await openWorld({
      authenticate: () => {
        asked += 1
        return service
      },
    })
    for (let count = 0; count < 3; count += 1) expect(await post(stranger, stage)).toEqual(refused)
    expect(asked).toBe(0)
    expect(stage.log.lines).toEqual([
      JSON.stringify({ message: 'request from another origin refused', origin: 'https://evil.example' }),
    ])
  })
})

test('without a public URL the host that is asked is our own', async () => {
  await using stage = await openWorld({ publicUrl: undefined })
  expect(await post({ ...cookie, host: 'localhost:8000', origin: 'http://localhost:8000' }, stage)).toBe(200)
  expect(await post({ ...cookie, host: 'localhost:8000', origin: 'http://localhost:9000' }, stage)).toEqual(refused)
  expect(await post({ ...cookie, origin: 'http://localhost:8000' }, stage)).toEqual(refused)
})

test.each(['https://app.clinic.example/', 'app.clinic.example', 'null', '*', 'https://*.clinic.example', ''])(
  'the option allowedOrigins refuses %j, which no browser would send',
  async (origin) => {
    await using stage = await openWorld({ bare: true })
    const { host, outbox } = stage
    const storage = { migrate: () => {}, ping: () => {}, close: () => {} }
    expect(() =>
      createNotifications({
        ...JSON.parse('{}'),
        storage,
        directory: host,
        transports: [outbox],
        env: {},
        allowedOrigins: [origin],
      }),
    ).toThrow(expect.objectContaining({ code: 'options_invalid', field: 'allowedOrigins[0]' }))
  },
)
