/** Several accounts of a channel: how they are written, addressed, shown, checked and found, on real servers. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { postgres } from '../../adapters/storage/postgres.ts'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { smtp } from '../../adapters/transport/smtp.ts'
import { twilio } from '../../adapters/transport/twilio.ts'
import type { Caller, NotificationsOptions, Storage } from '../../src/index.ts'
import { resolveOptions } from '../../src/options.ts'
import { accountById } from '../../src/services/shared/accounts/account-lookup.ts'
import { createContext } from '../../src/services/shared/context.ts'
import { admin, ask, authenticate, otherAdmin, viewer } from '../conformance/http/world.ts'
import { openClinic, organizationId, otherOrganizationId, testKey } from '../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { startTwilioServer, type TwilioTestServer } from '../support/twilio-server.ts'

const sid = (digit: number) => `AC${String(digit).repeat(32)}`
const first = {
  sms_provider: 'twilio',
  sms_api_key: sid(1),
  sms_api_secret: 'first-token',
  sms_from_number: '+14155550100',
}
const second = {
  provider: 'twilio',
  api_key: sid(2),
  api_secret: 'second-token',
  from_number: '+14155550102',
  per_day: 5,
}
const third = { provider: 'twilio', api_key: sid(3), api_secret: 'third-token' }
const secrets = ['first-token', 'second-token', 'third-token', 'fourth-token', sid(2), sid(3)]
const shownSecond = { ...second, api_key: '********', api_secret: '********', per_second: null, at_once: null }

let server: PostgresServer
let texts: TwilioTestServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())
const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

const storages = {
  sqlite: () => sqlite(':memory:'),
  postgres: () => postgres({ url: server.url, schema: `accounts_${randomUUID().slice(0, 8)}` }),
}

async function openWith(storage: Storage, options: Partial<NotificationsOptions> = {}) {
  texts = await startTwilioServer()
  open.push(texts.close)
  const transports = [smtp(), twilio({ baseUrl: texts.baseUrl })]
  const given = { authenticate, transports, storage, ...options }
  const clinic = await openClinic('2026-03-18T12:00:00Z', given)
  open.push(() => clinic[Symbol.asyncDispose]())
  const request = (method: string, path: string, body?: unknown, caller: Caller | null = admin) =>
    ask(clinic, { method, path, body, caller })
  const settings = `/settings/${organizationId}`
  const put = async (body: unknown) => (await request('PUT', settings, body)).answer
  const list = async (): Promise<readonly { readonly id: string }[]> =>
    (await clinic.settings.getOrganizationSettings(organizationId)).channels?.['sms']?.accounts?.map(({ id }) => ({
      id: String(id),
    })) ?? []
  /** As another process that receives reports looks an account up. */
  const lookUp = (id: string, env: NotificationsOptions['env'] = options.env ?? {}) => {
    const { clock, host: directory, log: logger } = clinic
    const resolved = resolveOptions({ storage, transports, directory, env, clock, logger, encryptionKey: testKey })
    const nothing = () => {}
    const signals = { dueAt: nothing, reported: nothing, replanQueued: nothing, tasksTouched: nothing }
    return accountById(createContext(resolved, { ...signals, taskManagerFault: () => null }), id)
  }
  const idsOf = async () => {
    const { channels } = await clinic.settings.effectiveSettings(organizationId)
    return channels.SMS.accounts.map(({ accountId }) => accountId ?? '')
  }
  return { ...clinic, request, put, list, lookUp, idsOf, path: settings }
}

const signedInWith = (found: Awaited<ReturnType<typeof accountById>>) => ({
  ...found,
  current: found?.current?.account,
  previous: found?.previous.map(({ account }) => account),
})

describe.each(['sqlite', 'postgres'] as const)('accounts of a channel on %s', (kind) => {
  it('have ids that stay through new credentials, another order and an exchange of what GET returned', async () => {
    const clinic = await openWith(storages[kind]())
    await clinic.request('POST', '/settings/', { ...first, channels: { sms: { accounts: [second, third] } } })
    const shown = await clinic.request('GET', clinic.path)
    expect(shown.answer).toMatchObject({
      sms_api_secret: '********',
      channels: { sms: { account: { per_second: null, per_day: null, at_once: null }, accounts: [shownSecond, {}] } },
    })
    const [two, three] = await clinic.list()
    const ids = await clinic.idsOf()
    expect(ids).toEqual([expect.stringMatching(/^[0-9a-f]{32}-sms$/), two?.id, three?.id])
    expect(new Set(ids.map((id) => id.slice(0, 32))).size).toBe(1)

    const back = await clinic.request('PUT', clinic.path, JSON.parse(shown.text))
    expect([back.status, back.answer]).toEqual([200, { ...Object(shown.answer), warnings: expect.any(Array) }])

    await clinic.put({ sms_api_secret: 'fourth-token' })
    await clinic.put({
      channels: { sms: { accounts: [{ id: three?.id }, { id: two?.id, api_secret: 'fifth-token' }] } },
    })
    expect(await clinic.idsOf()).toEqual([ids[0], ids[2], ids[1]])
    expect(signedInWith(await clinic.lookUp(ids[0] ?? ''))).toMatchObject({
      organizationId,
      channel: 'SMS',
      current: { apiKey: sid(1), apiSecret: 'fourth-token' },
      previous: [{ apiKey: sid(1), apiSecret: 'first-token' }],
    })
    expect(signedInWith(await clinic.lookUp(ids[1] ?? ''))).toMatchObject({
      current: { apiKey: sid(2), apiSecret: 'fifth-token' },
      previous: [{ apiSecret: 'second-token' }],
    })
    expect(await clinic.lookUp(ids[2] ?? '')).toMatchObject({
      id: ids[2],
      current: { transport: 'twilio', account: { apiSecret: 'third-token' } },
      previous: [],
    })
    for (const id of [
      '',
      'nobody',
      `${ids[0]}\0`,
      `${'0'.repeat(32)}-sms`,
      `${ids[0]?.slice(0, 32)}-fax`,
      `${ids[1]}0`,
    ])
      expect(await clinic.lookUp(id)).toBeNull()
  })

  it('keep replaced secrets valid for 72 hours, also of an account that is removed, and then erase them', async () => {
    const clinic = await openWith(storages[kind]())
    await clinic.start()
    await clinic.request('POST', '/settings/', { ...first, channels: { sms: { accounts: [second] } } })
    const [one = '', two = ''] = await clinic.idsOf()
    // Written again, it is no other secret; neither is a new sender.
    await clinic.put({ sms_api_secret: 'first-token', sms_from_number: '+14155550109' })
    expect(await clinic.lookUp(one)).toMatchObject({ previous: [] })
    await clinic.put({ sms_api_key: sid(9), sms_api_secret: 'fourth-token', channels: { sms: { accounts: null } } })
    const expiresAt = new Date('2026-03-21T12:00:00Z')
    expect(await clinic.lookUp(one)).toMatchObject({
      current: { account: { apiKey: sid(9), apiSecret: 'fourth-token' } },
      previous: [{ transport: 'twilio', account: { apiKey: sid(1), apiSecret: 'first-token' }, expiresAt }],
    })
    expect(await clinic.lookUp(two)).toMatchObject({
      organizationId,
      channel: 'SMS',
      current: null,
      previous: [{ account: { apiSecret: 'second-token' }, expiresAt }],
    })
    await clinic.clock.advance(72 * 3_600_000 - 1)
    expect((await clinic.lookUp(one))?.previous).toHaveLength(1)
    await clinic.clock.advance(1)
    expect((await clinic.lookUp(one))?.previous).toEqual([])
    expect(await clinic.lookUp(two)).toBeNull()
  })

  it('lose them at once where the change, or a later one, says so; that is audited, and no secret is shown', async () => {
    const clinic = await openWith(storages[kind]())
    await clinic.request('POST', '/settings/', first)
    const [one = ''] = await clinic.idsOf()
    await clinic.put({ sms_api_secret: 'second-token' })
    await clinic.put({ sms_api_secret: 'third-token', revoke_previous: true })
    expect(await clinic.lookUp(one)).toMatchObject({ current: { account: { apiSecret: 'third-token' } }, previous: [] })
    await clinic.put({ sms_api_secret: 'fourth-token' })
    expect((await clinic.lookUp(one))?.previous).toHaveLength(1)
    await clinic.put({ revoke_previous: true })
    expect((await clinic.lookUp(one))?.previous).toEqual([])
    const { entries } = await clinic.audit.list(organizationId)
    expect(entries.map(({ detail }) => detail.changes).slice(0, 3)).toEqual([
      [{ field: 'revokePrevious', to: true }],
      [{ field: 'smsApiSecret' }],
      [{ field: 'smsApiSecret' }, { field: 'revokePrevious', to: true }],
    ])
    for (const caller of [admin, viewer]) {
      const { text } = await clinic.request('GET', clinic.path, undefined, caller)
      const audit = await clinic.request('GET', `/audit/${organizationId}`, undefined, admin)
      for (const secret of secrets) expect(text + audit.text + clinic.log.lines.join('')).not.toContain(secret)
    }
  })

  it('are refused in words by the number of the entry, and nothing is half written', async () => {
    const clinic = await openWith(storages[kind]())
    await clinic.request('POST', '/settings/', { ...first, channels: { sms: { accounts: [second] } } })
    await clinic.request(
      'POST',
      '/settings/',
      { organization_id: otherOrganizationId, channels: { sms: { accounts: [third] } } },
      otherAdmin,
    )
    const before = await clinic.request('GET', clinic.path)
    const [two] = await clinic.list()
    const foreign = (await clinic.settings.getOrganizationSettings(otherOrganizationId)).channels?.['sms']
      ?.accounts?.[0]?.id
    const refused = async (accounts: unknown) =>
      (await clinic.request('PUT', clinic.path, { sms_enabled: false, channels: { sms: { accounts } } })).answer
    const at = (field: string, message: unknown, code = 'invalid_input') => ({
      status: code === 'invalid_input' ? 422 : expect.any(Number),
      code,
      ...(code === 'invalid_input' ? { errors: [{ field: `channels.sms.accounts${field}`, message }] } : {}),
    })
    const unknown = expect.stringContaining("none of the organization's accounts for SMS")
    expect(await refused([{ id: 'nobody' }])).toMatchObject(at('[0].id', unknown))
    expect(await refused([{ id: two?.id }, { id: foreign }])).toMatchObject(at('[1].id', unknown))
    expect(await refused([{ id: two?.id }, { id: two?.id }])).toMatchObject(at('[1].id', 'is in the list twice'))
    expect(await refused([{ id: two?.id, colour: 'red' }])).toMatchObject(at('[0].colour', 'is not a known field'))
    expect(await refused([{ ...third, api_secret: '********' }])).toMatchObject(
      at('[0].api_secret', expect.stringContaining('a new account needs the secret itself')),
    )
    expect(await refused([{ ...third, per_day: 0 }])).toMatchObject(at('[0].per_day', expect.any(String)))
    expect(await refused([{ id: two?.id, api_key: sid(7) }])).toMatchObject(
      at('[0].api_secret', expect.stringContaining('belongs to another SMS key')),
    )
    expect(await refused([{ id: two?.id }, { ...third, from_number: '+1' }])).toMatchObject(
      at('[1].from_number', expect.stringContaining('must be a number')),
    )
    expect(await refused([{ ...third, provider: 'pigeon' }])).toMatchObject({
      code: 'unknown_provider',
      field: 'channels.sms.accounts[0].provider',
    })
    expect((await clinic.request('GET', clinic.path)).text).toBe(before.text)
  })

  it('of the host application have ids too, the same in every process and through new variables', async () => {
    const storage = storages[kind]()
    const env = { DEFAULT_SMS_PROVIDER: 'twilio', DEFAULT_SMS_API_KEY: sid(1), DEFAULT_SMS_API_SECRET: 'first-token' }
    const clinic = await openWith(storage, { env })
    // A process that was started gives them.
    expect(await clinic.idsOf()).toEqual([''])
    await clinic.start()
    const [id = ''] = await clinic.idsOf()
    expect(id).toMatch(/^[0-9a-f]{32}-sms$/)
    expect(await clinic.lookUp(id)).toMatchObject({
      organizationId: null,
      current: { transport: 'twilio', account: { apiSecret: 'first-token' } },
      previous: [],
    })
    const renewed = { ...env, DEFAULT_SMS_API_SECRET: 'second-token' }
    expect(signedInWith(await clinic.lookUp(id, renewed))).toMatchObject({
      current: { apiSecret: 'second-token' },
      previous: [{ apiSecret: 'first-token' }],
    })
    await clinic.clock.advance(72 * 3_600_000)
    expect(await clinic.lookUp(id, renewed)).toMatchObject({ previous: [] })
  })

  it('are checked and tested one by one, or all', async () => {
    const clinic = await openWith(storages[kind]())
    await clinic.request('POST', '/settings/', {
      ...first,
      channels: { sms: { accounts: [second, { provider: 'twilio' }] } },
    })
    const [one, two, three] = await clinic.idsOf()
    const verify = async (body: unknown) => (await clinic.request('POST', `${clinic.path}/verify`, body)).answer
    expect(await verify({})).toMatchObject({
      channels: [
        { channel: 'EMAIL', status: 'unchecked' },
        { channel: 'SMS', account_id: one, status: 'ok' },
        { channel: 'SMS', account_id: two, status: 'ok' },
        {
          channel: 'SMS',
          account_id: three,
          status: 'failing',
          code: 'no_credentials',
          fields: ['channels.sms.accounts[1].api_secret'],
        },
      ],
    })
    const accountOf = (request: string | undefined) => request?.replace(/.*(AC\d).*/, '$1')
    expect(texts.requests.map(accountOf).sort()).toEqual(['AC1', 'AC2'])
    texts.fault = { at: 'request', how: { status: 401, code: 20_003 } }
    expect(await verify({ account_id: two })).toMatchObject({
      channels: [
        { account_id: two, status: 'failing', fields: expect.arrayContaining(['channels.sms.accounts[0].api_key']) },
      ],
    })
    texts.fault = null
    expect(await verify({ account_id: 'nobody' })).toMatchObject({ status: 422, errors: [{ field: 'account_id' }] })
    const reached: Caller = { kind: 'staff', organizationId, role: 'admin', id: 7, phone: '+14155550177' }
    const test = async (body: unknown) => (await clinic.request('POST', `${clinic.path}/test`, body, reached)).answer
    expect(await test({ account_id: two })).toMatchObject({ channel: 'SMS', account_id: two, result: 'sent' })
    expect(await test({ channel: 'SMS' })).toMatchObject({ account_id: one, result: 'sent' })
    expect(texts.messages).toMatchObject([{ accountSid: sid(2), from: '+14155550102' }, { accountSid: sid(1) }])
    expect(await test({ channel: 'EMAIL', account_id: two })).toMatchObject({
      status: 422,
      errors: [{ field: 'channel' }],
    })
    // A first account that cannot send does not hide the second.
    await clinic.put({ sms_api_secret: null })
    expect(await test({ channel: 'SMS' })).toMatchObject({ account_id: two, result: 'sent' })
    expect((await clinic.settings.effectiveSettings(organizationId)).channels.SMS).toMatchObject({
      provider: 'twilio',
      fault: null,
      accounts: [{ accountId: one, fault: 'no_credentials' }, { accountId: two, fault: null }, { accountId: three }],
    })
  })
})
