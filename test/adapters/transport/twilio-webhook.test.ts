import { createHash } from 'node:crypto'
import fc from 'fast-check'
import twilioSdk from 'twilio'
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js'
import { describe, expect, it } from 'vitest'
import { validateTwilioBody } from '../../../adapters/transport/twilio/signature.ts'
import { twilioWebhook } from '../../../adapters/transport/twilio/webhook.ts'
import { validateTwilioSignature } from '../../../adapters/transport/twilio.ts'
import { ada, openClinic, organizationId } from '../../support/clinic.ts'
import {
  canaries,
  cleanUpAfterEach,
  contextFor,
  server,
  serverForAll,
  smsMessage,
  transportTo,
} from './twilio-fixture.ts'

cleanUpAfterEach()

const publicUrl = 'https://clinic.example/api/notifications'
const host = { accountSid: 'AChost000000000000000000000000000a', authToken: 'host-token' }

describe('the signature', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 12 })
  const field = fc.stringMatching(/^[A-Za-z]{1,8}$/)
  const fields = fc.dictionary(field, fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 })), {
    noNullPrototype: true,
  })
  const url = fc.constantFrom(
    'https://clinic.example/hooks?notification=7',
    'https://clinic.example:443/hooks',
    'https://clinic.example:8443/hooks?a=1&b=%2B',
    'http://clinic.example:80/',
  )

  it("is the one that Twilio's SDK computes, for any fields", () => {
    fc.assert(
      fc.property(url, fields, (address, params) => {
        const signature = signatureBySdk('token', address, params)
        expect(validateTwilioSignature('token', { signature, url: address, params })).toBe(true)
        expect(twilioSdk.validateRequest('token', signature, address, params)).toBe(true)
        const other = { ...params, More: 'x' }
        expect(validateTwilioSignature('token', { signature, url: address, params: other })).toBe(false)
        expect(validateTwilioSignature('tokem', { signature, url: address, params })).toBe(false)
      }),
    )
  })

  it.each([
    ['https://clinic.example/hooks', 'https://clinic.example:443/hooks'],
    ['https://clinic.example:443/hooks', 'https://clinic.example/hooks'],
    ['http://clinic.example:80/hooks?a=1', 'http://clinic.example/hooks?a=1'],
    ['https://clinic.example/hooks#rc=5&rp=all', 'https://clinic.example/hooks'],
  ])('of %s may be over %s', (configured, requested) => {
    const signature = signatureBySdk('token', requested, { To: '+1' })
    expect(validateTwilioSignature('token', { signature, url: configured, params: { To: '+1' } })).toBe(true)
  })

  it('of a body that is no form is over the URL, which has the hash of the body', () => {
    const body = Buffer.from('{"a":1}')
    const url = `https://clinic.example/hooks?bodySHA256=${createHash('sha256').update(body).digest('hex')}`
    const signature = signatureBySdk('token', url, {})
    expect(validateTwilioBody('token', { signature, url }, body)).toBe(true)
    expect(twilioSdk.validateRequestWithBody('token', signature, url, body.toString())).toBe(true)
    expect(validateTwilioBody('token', { signature, url }, Buffer.from('{"a":2}'))).toBe(false)
    const bare = 'https://clinic.example/hooks'
    const signed = { signature: signatureBySdk('token', bare, {}), url: bare }
    expect(validateTwilioBody('token', signed, body)).toBe(false)
  })
})

/** As the SDK computes it. */
const signatureBySdk = (token: string, url: string, params: Record<string, string | string[]>): string =>
  getExpectedTwilioSignature(token, url, params)

describe('the callback URL', () => {
  const callback = async (receiptUrl: string | null, category: 'REMINDER' | 'TEST' = 'REMINDER') => {
    const { baseUrl, messages } = await server()
    await transportTo(baseUrl).send(smsMessage({ category }), contextFor({ receiptUrl }))
    return messages[0]?.statusCallback
  }

  it("is the account's webhook with the id of the message", async () => {
    const url = `${publicUrl}/webhooks/twilio/sms`
    expect(await callback(url)).toBe(`${url}?notification=7`)
    expect(await callback('http://203.0.113.9/webhooks/twilio/sms')).toBe(null)
    expect(await callback('http://8.8.8.8/webhooks/twilio/sms')).toBe(
      'http://8.8.8.8/webhooks/twilio/sms?notification=7',
    )
  })

  it.each([
    null,
    'http://localhost:3000/x',
    'http://127.0.0.1/x',
    'http://[::1]/x',
    'http://clinic.local/x',
    'http://nas/x',
  ])('is left out where Twilio could not reach it: %s', async (url) => {
    expect(await callback(url)).toBe(null)
  })

  it('is left out of a test message, on which nobody waits for a report', async () => {
    expect(await callback(`${publicUrl}/webhooks/twilio/sms`, 'TEST')).toBe(null)
  })
})

/** A clinic that sends by its own account and one that sends by the host's, each with one text that Twilio accepted. */
async function textingClinics() {
  const api = await serverForAll()
  const clinic = await openClinic('2026-03-18T12:00:00Z', {
    transports: [transportTo(api.baseUrl)],
    publicUrl,
    env: {
      DEFAULT_SMS_PROVIDER: 'twilio',
      DEFAULT_SMS_API_KEY: host.accountSid,
      DEFAULT_SMS_API_SECRET: host.authToken,
      DEFAULT_SMS_FROM_NUMBER: '+14155550100',
    },
  })
  await clinic.settings.createOrganizationSettings(organizationId, {
    smsProvider: 'twilio',
    smsApiKey: canaries.accountSid,
    smsApiSecret: canaries.authToken,
    smsFromNumber: '+14155550101',
  })
  const people = [{ ...ada, email: null }]
  clinic.host.book({ id: 1, startsAt: '2026-03-20T14:00:00Z', recipients: people })
  clinic.host.book({ id: 2, startsAt: '2026-03-20T14:00:00Z', recipients: people, organizationId: 'other' })
  await clinic.start()
  for (const id of [1, 2]) await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION' })
  await expect.poll(() => api.messages.length).toBe(2)
  const row = async (appointmentId: number) => {
    const { notifications } = await clinic.notifications.history({ state: 'all', appointmentId })
    const [found] = notifications
    if (found === undefined) throw new Error('there is no message')
    return found
  }
  await expect.poll(async () => [(await row(1)).status, (await row(2)).status]).toEqual(['SENT', 'SENT'])
  const own = api.messages.find(({ accountSid }) => accountSid === canaries.accountSid)
  const shared = api.messages.find(({ accountSid }) => accountSid === host.accountSid)
  if (own?.statusCallback == null || shared?.statusCallback == null) throw new Error('no callback URL')
  return {
    ...clinic,
    api,
    row,
    own: { ...own, url: own.statusCallback },
    shared: { ...shared, url: shared.statusCallback },
  }
}

type Sms = { readonly sid: string; readonly accountSid: string; readonly to: string | null; readonly url: string }
const fieldsOf = ({ sid, accountSid, to }: Sms, status: string, more: Record<string, string> = {}) => ({
  MessageSid: sid,
  SmsSid: sid,
  MessageStatus: status,
  AccountSid: accountSid,
  To: to ?? '',
  From: '+14155550101',
  ApiVersion: '2010-04-01',
  ...more,
})

/** As Twilio posts it: signed with `token` over `signedUrl`, to the path of `url`. */
async function post(
  clinic: Pick<Awaited<ReturnType<typeof textingClinics>>, 'handle'>,
  url: string,
  fields: Record<string, string>,
  token: string,
  { signedUrl = url, type = 'application/x-www-form-urlencoded; charset=utf-8' } = {},
) {
  const bytes = Buffer.from(new URLSearchParams(fields).toString())
  const [path = '', query = ''] = url.slice(publicUrl.length).split('?')
  return clinic.handle({
    method: 'POST',
    path,
    query,
    native: null,
    headers: { 'content-type': type, 'x-twilio-signature': signatureBySdk(token, signedUrl, fields) },
    readBody: async () => ({ kind: 'bytes', bytes }),
  })
}

describe('a status callback', () => {
  it('makes its message delivered, and read; twice and late it changes nothing', async () => {
    await using clinic = await textingClinics()
    const { own } = clinic
    const report = (status: string) => post(clinic, own.url, fieldsOf(own, status), canaries.authToken)
    const answer = await report('delivered')
    expect([answer.status, answer.headers['content-type'], answer.body]).toEqual([
      200,
      'text/xml; charset=utf-8',
      '<?xml version="1.0" encoding="UTF-8"?><Response/>',
    ])
    expect(await clinic.row(1)).toMatchObject({ status: 'DELIVERED', providerMessageId: own.sid })
    await report('read')
    const read = await clinic.row(1)
    expect(read).toMatchObject({
      status: 'DELIVERED',
      deliveryDetail: { delivered: expect.any(Date), read: expect.any(Date) },
    })
    for (const status of ['sent', 'queued', 'delivered', 'read']) expect((await report(status)).status).toBe(200)
    expect(await clinic.row(1)).toEqual(read)
    expect((await clinic.statistics.read({})).reported.byChannel.SMS).toEqual({ read: 1, complained: 0, unreported: 0 })
    expect((await clinic.statistics.read({})).reported.byCategory.CONFIRMATION.read).toBe(1)
    const id = read.id
    const told = (await clinic.notifications.explain(1)).filter(({ notificationId }) => notificationId === id)
    expect(told.map(({ action, rule }) => rule ?? action)).toEqual([
      ...['asked_for', 'allowed', 'reported_delivered', 'reported_read', 'sent'],
    ])
  })

  it.each([
    ['21610', 'stop'],
    ['30005', null],
  ])('with the error %s says of the address: %s', async (ErrorCode, cause) => {
    await using clinic = await textingClinics()
    const { own } = clinic
    await post(clinic, own.url, fieldsOf(own, 'undelivered', { ErrorCode }), canaries.authToken)
    expect(await clinic.row(1)).toMatchObject({ status: 'FAILED', errorCode: `twilio_${ErrorCode}` })
    const known = await clinic.addresses.get(organizationId, { channel: 'SMS', address: own.to ?? '' })
    expect(known.suppression?.cause ?? null).toBe(cause)
    if (cause === null) return
    // The other organization sends by another account, to which nobody said anything.
    expect((await clinic.addresses.get('other', { channel: 'SMS', address: own.to ?? '' })).suppression).toBeNull()
  })

  it('that is forged, foreign or unsigned changes nothing, and is logged', async () => {
    await using clinic = await textingClinics()
    const { own, shared } = clinic
    const before = [await clinic.row(1), await clinic.row(2)]
    const fields = fieldsOf(own, 'delivered')
    const statuses = [
      await post(clinic, own.url, fields, 'another-token'),
      await post(clinic, own.url, fields, canaries.authToken, { signedUrl: shared.url }),
      await post(clinic, own.url, fields, canaries.authToken, { signedUrl: own.url.replace('https', 'http') }),
      // The host's account does not speak at the organization's path, nor the organization's at the host's.
      await post(clinic, own.url, fieldsOf(shared, 'delivered'), host.authToken),
      await post(clinic, shared.url, fields, canaries.authToken),
      // Signed by the account, but about another.
      await post(clinic, own.url, { ...fields, AccountSid: host.accountSid }, canaries.authToken),
      await post(clinic, own.url, fields, canaries.authToken, { type: 'application/json' }),
    ].map(({ status }) => status)
    expect(statuses).toEqual([401, 401, 401, 401, 401, 403, 401])
    const unsigned = await clinic.handle({
      ...{ method: 'POST', path: new URL(own.url).pathname.slice('/api/notifications'.length), query: '' },
      ...{ native: null, headers: {} },
      readBody: async () => ({ kind: 'bytes', bytes: Buffer.from('MessageStatus=delivered') }),
    })
    expect(unsigned.status).toBe(401)
    expect([await clinic.row(1), await clinic.row(2)]).toEqual(before)
    // Once a minute for each account.
    expect(clinic.log.lines.filter((line) => line.includes('webhook refused'))).toHaveLength(2)
    expect(JSON.stringify(clinic.log.lines)).not.toContain(own.to)
  })

  it('may be signed with the token before, as long as reports on messages sent with it may come', async () => {
    await using clinic = await textingClinics()
    const { own } = clinic
    await clinic.settings.updateOrganizationSettings(organizationId, { smsApiSecret: 'next-token' })
    const report = async (status: string, token: string) =>
      (await post(clinic, own.url, fieldsOf(own, status), token)).status
    expect([await report('delivered', canaries.authToken), await report('delivered', 'next-token')]).toEqual([200, 200])
    expect(await clinic.row(1)).toMatchObject({ status: 'DELIVERED' })
    await clinic.clock.advance(73 * 3_600_000)
    expect([await report('read', canaries.authToken), await report('read', 'next-token')]).toEqual([401, 200])
  })

  it('of an account says nothing about a message of another', async () => {
    await using clinic = await textingClinics()
    const { own, shared } = clinic
    const before = await clinic.row(2)
    const id = (await clinic.row(2)).id
    const url = own.url.replace(/notification=\d+/, `notification=${id}`)
    const fields = { ...fieldsOf(shared, 'failed'), AccountSid: canaries.accountSid }
    expect((await post(clinic, url, fields, canaries.authToken)).status).toBe(200)
    expect(await clinic.row(2)).toEqual(before)
    // Nor about one that went to another number.
    const elsewhere = { ...fieldsOf(own, 'failed'), To: '+14155559999' }
    expect((await post(clinic, own.url, elsewhere, canaries.authToken)).status).toBe(200)
    expect(await clinic.row(1)).toMatchObject({ status: 'SENT' })
  })

  it('at a path of no account is 404, before its body is read', async () => {
    await using clinic = await textingClinics()
    const [, , own] = new URL(clinic.own.url).pathname.slice('/api/notifications'.length).split('/').slice(1)
    for (const path of [
      '/webhooks/twilio/fax',
      `/webhooks/capture/${own}`,
      `/webhooks/twilio/${own?.slice(0, -1)}`,
      '/webhooks/twilio/sms.nobody',
      '/webhooks/smtp/sms',
      '/webhooks/twilio/email',
    ]) {
      const answer = await clinic.handle({
        ...{ method: 'POST', path, query: '', native: null, headers: {} },
        readBody: () => Promise.reject(new Error('it was read')),
      })
      expect([path, answer.status]).toEqual([path, 404])
    }
  })

  it('is in health, for staff only of their own organization', async () => {
    await using clinic = await textingClinics()
    const { own } = clinic
    await post(clinic, own.url, fieldsOf(own, 'delivered'), canaries.authToken)
    await post(clinic, own.url, fieldsOf(own, 'delivered'), 'another-token')
    const answer = await clinic.handle({
      ...{ method: 'GET', path: '/health', query: '', native: null, headers: {} },
      readBody: async () => ({ kind: 'bytes', bytes: new Uint8Array() }),
    })
    expect(JSON.parse(answer.body ?? '')).not.toHaveProperty('webhooks')
  })
})

it.each([
  ['SMS', '+525512345678', '+525512345678'],
  // WhatsApp writes a 1 into the mobile numbers of Mexico, which nobody dials.
  ['WHATSAPP', 'whatsapp:+5215512345678', undefined],
] as const)('by %s, the recipient %s is compared as %s', async (channel, To, to) => {
  const url = 'https://clinic.example/webhooks/twilio/a?notification=7'
  const fields = { AccountSid: host.accountSid, MessageSid: 'SM1', MessageStatus: 'delivered', To }
  const credentials = { provider: 'twilio', apiKey: host.accountSid, apiSecret: host.authToken }
  const account = channel === 'SMS' ? { channel, ...credentials } : { channel, ...credentials, ...noneOfMeta }
  const request = {
    ...({
      method: 'POST',
      url,
      query: 'notification=7',
      now: new Date(),
      signal: new AbortController().signal,
    } as const),
    body: Buffer.from(new URLSearchParams(fields).toString()),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': signatureBySdk(host.authToken, url, fields),
    },
  }
  const reading = await twilioWebhook()(request, { id: 'a', organizationId: null, channel, accounts: [account] })
  const receipt = { outcome: 'delivered', messageId: 'SM1' }
  const report = { notificationId: 7, messageId: 'SM1', receipt, ...(to === undefined ? {} : { to }) }
  expect(reading).toMatchObject({ kind: 'read', reports: [report] })
  expect(JSON.stringify(reading)).not.toContain('+521')
})

const noneOfMeta = { appSecret: null, verifyToken: null }
