/** Which of several accounts sends, and what is seen of the others. */
import { afterEach, describe, expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { twilio } from '../../adapters/transport/twilio.ts'
import type { OrganizationSettingsInput } from '../../src/index.ts'
import { storeOn } from '../../src/records/store.ts'
import { emptySettings } from '../../src/schemas/settings.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { startTwilioServer, type TwilioServerSettings } from '../support/twilio-server.ts'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

const sid = (digit: number) => `AC${String(digit).repeat(32)}`
const first = { smsProvider: 'twilio', smsApiKey: sid(1), smsApiSecret: 'first-token', smsFromNumber: '+14155550101' }
const second = { provider: 'twilio', apiKey: sid(2), apiSecret: 'second-token', fromNumber: '+14155550102' }
const third = { ...second, apiKey: sid(3), apiSecret: 'third-token', fromNumber: '+14155550103' }

async function openWith(settings: OrganizationSettingsInput, server: TwilioServerSettings = {}) {
  const texts = await startTwilioServer(server)
  const transports = [twilio({ baseUrl: texts.baseUrl })]
  const storage = sqlite(':memory:')
  const clinic = await openClinic('2026-03-18T12:00:00Z', { transports, storage })
  open.push(texts.close, () => clinic[Symbol.asyncDispose]())
  await clinic.settings.createOrganizationSettings(organizationId, settings)
  clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z', recipients: [{ ...ada, email: null }] })
  const send = async () => {
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel: 'SMS' })
  }
  const sms = async () => (await clinic.settings.effectiveSettings(organizationId)).channels.SMS
  return { ...clinic, texts, storage, send, sms }
}
const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 5000, interval: 5 })
const withList = (...accounts: readonly object[]) => ({
  channels: { sms: { accounts: accounts.map((one) => ({ ...one })) } },
})

describe('of several accounts', () => {
  it('the first that can sends, in its own name: what the first lacks does not hide the second', async () => {
    const { smsApiSecret: _secret, ...unfinished } = first
    const clinic = await openWith({ ...unfinished, ...withList(second, third) })
    await clinic.send()
    await eventually(() => clinic.texts.messages).toMatchObject([{ accountSid: sid(2), from: '+14155550102' }])
    const health = clinic.log.lines.filter((line) => line.includes('account cannot be used'))
    const [id] = (await clinic.sms()).accounts.map(({ accountId }) => accountId)
    expect(health.map((line) => JSON.parse(line))).toMatchObject([
      { channel: 'SMS', code: 'no_credentials', accountId: id },
    ])
  })

  it('of an organization without a first one, the list sends, and nobody else', async () => {
    const clinic = await openWith(withList(third))
    await clinic.send()
    await eventually(() => clinic.texts.messages).toMatchObject([{ accountSid: sid(3), from: '+14155550103' }])
    expect((await clinic.sms()).accounts).toHaveLength(1)
  })

  it('what the first is refused, the second sends at once; the pause is seen, in another order too', async () => {
    const credentials = { accountSid: sid(3), authToken: 'third-token' }
    const clinic = await openWith(withList(second, third), { credentials })
    await clinic.send()
    await eventually(() => clinic.texts.messages).toMatchObject([{ accountSid: sid(3), from: '+14155550103' }])
    const [two, three] = (await clinic.sms()).accounts.map(({ accountId }) => accountId ?? '')
    const paused = { accountId: two, fault: 'account_paused', pause: { code: 'twilio_20003' } }
    const ready = { accountId: three, fault: null, pause: null }
    expect(await clinic.sms()).toMatchObject({ fault: null, accounts: [paused, ready] })
    await clinic.settings.updateOrganizationSettings(organizationId, withList({ id: three }, { id: two }))
    // It is still refused, and nobody has tried it since.
    expect((await clinic.sms()).accounts).toMatchObject([ready, paused])
    await eventually(async () => (await clinic.notifications.history()).notifications).toMatchObject([
      { status: 'SENT', attempts: 1 },
    ])
  })
})

it('settings that the library did not write get a key for ids when a process starts', async () => {
  const storage = sqlite(':memory:')
  await using clinic = await openClinic('2026-03-18T12:00:00Z', { storage })
  const store = storeOn(storage)
  await store.settings.create(
    organizationId,
    { ...emptySettings, emailSmtpHost: 'mail.example.org' },
    null,
    clinic.clock.now(),
  )
  await clinic.start()
  const key = async () => (await store.settings.get([organizationId])).map(({ accountKey }) => accountKey)
  await eventually(key).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)])
  const given = await key()
  await clinic.settings.updateOrganizationSettings(organizationId, { smsEnabled: false })
  expect(await key()).toEqual(given)
})
