/** Limits of accounts, against a real server: a day's holds over processes and restarts, and costs nobody an attempt. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { postgres } from '../../adapters/storage/postgres.ts'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { twilio } from '../../adapters/transport/twilio.ts'
import type { OrganizationSettingsInput, Storage } from '../../src/index.ts'
import { temporaryFile } from '../adapters/storage/sqlite/fixture.ts'
import { admin, ask, authenticate } from '../conformance/http/world.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { startTwilioServer, type TwilioTestServer } from '../support/twilio-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())
const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

const sid = `AC${'1'.repeat(32)}`
const account = { smsProvider: 'twilio', smsApiKey: sid, smsApiSecret: 'token', smsFromNumber: '+14155550100' }
const limited = (limits: object): OrganizationSettingsInput => ({
  ...account,
  channels: { sms: { account: { ...limits } } },
})
const now = '2026-03-18T12:00:00Z'

/** Opens the same database as often as it is called, each time as another process would. */
const databases = {
  sqlite: async () => {
    const { path, remove } = await temporaryFile()
    open.push(remove)
    return () => sqlite(path)
  },
  postgres: async () => {
    const schema = `limits_${randomUUID().slice(0, 8)}`
    return () => postgres({ url: server.url, schema })
  },
}

type Clinic = Awaited<ReturnType<typeof openClinic>>

async function process(texts: TwilioTestServer, storage: Storage, beside?: Clinic) {
  const transports = [twilio({ baseUrl: texts.baseUrl })]
  const shared = beside === undefined ? {} : { clock: beside.clock, directory: beside.host }
  const clinic = await openClinic(now, { transports, storage, authenticate, ...shared })
  open.push(() => clinic[Symbol.asyncDispose]())
  return clinic
}

async function send(clinic: Clinic, ids: readonly number[], host = clinic.host) {
  for (const id of ids) {
    const recipients = [{ ...ada, id, email: null, phone: `+1415555${1000 + id}` }]
    host.book({ id, startsAt: '2026-03-25T15:00:00Z', recipients })
    await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION', channel: 'SMS' })
  }
}

const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 8000, interval: 10 })

describe.each(['sqlite', 'postgres'] as const)('limits of an account on %s', (kind) => {
  it('a day: what is over it waits for the next one, in every process, without an attempt', async () => {
    const texts = await startTwilioServer()
    open.push(texts.close)
    const another = await databases[kind]()
    const clinic = await process(texts, another())
    await clinic.settings.createOrganizationSettings(organizationId, limited({ perDay: 3 }))
    await clinic.start()
    await send(clinic, [1, 2, 3, 4, 5])
    const waiting = async (from = clinic) =>
      (await from.notifications.history({ state: 'queued' })).notifications.map(({ attempts }) => attempts)
    await eventually(() => texts.messages.length).toBe(3)
    const sms = async (from = clinic) => (await from.settings.effectiveSettings(organizationId)).channels.SMS
    await eventually(async () => (await sms()).fault).toBe('account_limited')
    expect(await waiting()).toEqual([0, 0])
    const until = new Date('2026-03-19T00:00:00Z')
    const { accounts, pause } = await sms()
    expect(pause).toEqual({
      code: 'daily_limit',
      message: expect.stringContaining('limit'),
      since: new Date(now),
      until,
    })
    const deferred = async () =>
      (await Promise.all([1, 2, 3, 4, 5].map((id) => clinic.notifications.explain(id))))
        .flat()
        .filter(({ rule }) => rule === 'account_limited')
    await eventually(deferred).toMatchObject([{ action: 'deferred' }, { action: 'deferred' }])
    const logged = clinic.log.lines
      .filter((line) => line.includes('reached its daily limit'))
      .map((line) => JSON.parse(line))
    expect(logged).toMatchObject([{ organizationId, channel: 'SMS', accountId: accounts[0]?.accountId, perDay: 3 }])

    // A process that is started later finds the account as it is.
    const second = await process(texts, another(), clinic)
    await second.start()
    await send(second, [6], clinic.host)
    await eventually(() => waiting(second)).toEqual([0, 0, 0])
    expect((await sms(second)).fault).toBe('account_limited')
    const health = await ask(second, { method: 'GET', path: '/health', caller: admin })
    expect(health.answer).toMatchObject({
      accounts: { paused: [{ code: 'daily_limit', account_id: accounts[0]?.accountId, until: until.toISOString() }] },
    })

    await clinic.clock.advanceTo('2026-03-18T23:59:59Z')
    expect(texts.messages).toHaveLength(3)
    await clinic.clock.advanceTo('2026-03-19T00:00:01Z')
    await eventually(async () => {
      await clinic.clock.advance(1000)
      return texts.messages.length
    }).toBe(6)
    const results = async () => {
      const { notifications } = await clinic.notifications.history()
      return notifications.map(({ attempts, status }) => [attempts, status])
    }
    await eventually(results).toEqual(Array(6).fill([1, 'SENT']))
  })

  it('a day: another limit counts at once', async () => {
    const texts = await startTwilioServer()
    open.push(texts.close)
    const clinic = await process(texts, (await databases[kind]())())
    await clinic.settings.createOrganizationSettings(organizationId, limited({ perDay: 1 }))
    await clinic.start()
    await send(clinic, [1, 2, 3, 4])
    const fault = async () => (await clinic.settings.effectiveSettings(organizationId)).channels.SMS.fault
    await eventually(fault).toBe('account_limited')
    // The same account by other credentials has sent as much.
    await clinic.settings.updateOrganizationSettings(organizationId, { smsApiSecret: 'another' })
    await clinic.settle()
    await eventually(fault).toBe('account_limited')
    expect(texts.messages).toHaveLength(1)
    await clinic.settings.updateOrganizationSettings(organizationId, limited({ perDay: 3 }))
    // A row that another message of the account has locked is looked at again a moment later.
    const sent = async () => {
      await clinic.clock.advance(300)
      return texts.messages.length
    }
    await eventually(sent).toBe(3)
    await eventually(fault).toBe('account_limited')
    await clinic.settings.updateOrganizationSettings(organizationId, limited({ perDay: null }))
    await eventually(sent).toBe(4)
    expect(await fault()).toBeNull()
  })
})

describe('limits of an account', () => {
  it('at once: so many are under way, and no more', async () => {
    let [underWay, most] = [0, 0]
    const held: (() => void)[] = []
    const texts = await startTwilioServer({
      onMessage: async () => {
        underWay += 1
        most = Math.max(most, underWay)
        await new Promise<void>((resolve) => void held.push(resolve))
        underWay -= 1
      },
    })
    open.push(texts.close)
    const clinic = await process(texts, sqlite(':memory:'))
    await clinic.settings.createOrganizationSettings(organizationId, limited({ atOnce: 2 }))
    await clinic.start()
    await send(clinic, [1, 2, 3, 4, 5])
    await eventually(() => underWay).toBe(2)
    await eventually(() => {
      for (const resolve of held.splice(0)) resolve()
      return texts.messages.length
    }).toBe(5)
    expect(most).toBe(2)
  })

  it('a second: so many begin, and the next when the second is over', async () => {
    const texts = await startTwilioServer()
    open.push(texts.close)
    const clinic = await process(texts, sqlite(':memory:'))
    await clinic.settings.createOrganizationSettings(organizationId, limited({ perSecond: 2 }))
    await clinic.start()
    await send(clinic, [1, 2, 3, 4, 5])
    for (const [count, ms] of [
      [2, 999],
      [2, 1],
      [4, 999],
      [4, 1],
      [5, 5000],
      [5, 0],
    ] as const) {
      await eventually(() => texts.messages.length).toBe(count)
      await clinic.settle()
      expect(texts.messages).toHaveLength(count)
      await clinic.clock.advance(ms)
    }
    const attempts = async () => (await clinic.notifications.history()).notifications.map((one) => one.attempts)
    await eventually(attempts).toEqual([1, 1, 1, 1, 1])
  })
})
