import { describe, expect, it } from 'vitest'
import { twilio, validateTwilioSignature } from '../../../adapters/transport/twilio.ts'
import { isNotificationError, type OutboundMessage } from '../../../src/index.ts'
import { transportConformance } from '../../conformance/transport/index.ts'
import { startTwilioServer } from '../../support/twilio-server.ts'
import {
  canaries,
  cleanUpAfterEach,
  contextFor,
  credentials,
  failure,
  server,
  smsMessage,
  transportTo,
} from './twilio-fixture.ts'

cleanUpAfterEach()

transportConformance({
  name: 'twilio',
  async open() {
    const api = await startTwilioServer({ credentials })
    return {
      // Twilio carries no key of ours, so the callback does.
      transport: twilio({
        baseUrl: api.baseUrl,
        statusCallback: ({ idempotencyKey }) => `https://clinic.example/sms/${idempotencyKey}`,
      }),
      channel: 'SMS',
      account: contextFor().account,
      received: async () => api.messages.map((message) => message.statusCallback ?? ''),
      refuse(text) {
        api.fault = { at: 'request', how: { status: 400, code: 21211, text } }
      },
      close: api.close,
    }
  },
})

const template = {
  name: `HX${'0a'.repeat(16)}`,
  language: 'en',
  category: 'UTILITY',
  parameters: [{ key: '1', name: 'time', value: '9:00' }],
} as const
const whatsappMessage = (values: Partial<OutboundMessage> = {}) =>
  smsMessage({ channel: 'WHATSAPP', template, ...values })
const whatsappAccount = {
  channel: 'WHATSAPP',
  provider: 'twilio',
  apiKey: canaries.accountSid,
  apiSecret: canaries.authToken,
  appSecret: null,
  verifyToken: null,
} as const

transportConformance({
  name: 'twilio, WhatsApp',
  async open() {
    const api = await startTwilioServer({ credentials })
    return {
      transport: twilio({
        baseUrl: api.baseUrl,
        statusCallback: ({ idempotencyKey }) => `https://clinic.example/whatsapp/${idempotencyKey}`,
      }),
      channel: 'WHATSAPP',
      account: whatsappAccount,
      message: { template },
      received: async () => api.messages.map((message) => message.statusCallback ?? ''),
      refuse(text) {
        api.fault = { at: 'request', how: { status: 400, code: 63024, text } }
      },
      close: api.close,
    }
  },
})

describe('a template of WhatsApp', () => {
  it('arrives in the form of the Content API', async () => {
    const { baseUrl, messages } = await server()
    const transport = transportTo(baseUrl)
    const context = contextFor({ account: whatsappAccount })
    const parameters = [
      { key: '1', name: 'patient_name', value: 'Ada "Byron" \\ 🙂' },
      { key: 'hour', name: 'time', value: "9 o'clock" },
    ]
    await transport.send(whatsappMessage({ template: { ...template, parameters } }), context)
    await transport.send(whatsappMessage({ template: { ...template, parameters: [] } }), context)
    const addresses = { to: `whatsapp:${canaries.phone}`, from: 'whatsapp:+14155550100', body: null }
    expect(messages).toMatchObject([
      {
        ...addresses,
        contentSid: template.name,
        contentVariables: '{"1":"Ada \\"Byron\\" \\\\ 🙂","hour":"9 o\\u0027clock"}',
      },
      { ...addresses, contentSid: template.name, contentVariables: null },
    ])
  })

  it('goes by the Messaging Service where the account has no number', async () => {
    const { baseUrl, messages } = await server()
    const transport = transportTo(baseUrl, { messagingServiceSid: 'MGservice' })
    const context = contextFor({ account: whatsappAccount, trusted: true })
    await transport.send(whatsappMessage({ from: null }), context)
    await transport.send(whatsappMessage(), context)
    expect(messages).toMatchObject([
      { from: null, messagingServiceSid: 'MGservice' },
      { from: 'whatsapp:+14155550100', messagingServiceSid: null },
    ])
  })

  it.each([
    ['twilio_user_id', { to: 'US.13491208655302741918' }],
    ['twilio_content_sid', { template: { ...template, name: 'reminder_1' } }],
  ])('that Twilio cannot send is refused before a request: %s', async (code, values) => {
    const { baseUrl, requests } = await server()
    const sending = transportTo(baseUrl).send(whatsappMessage(values), contextFor({ account: whatsappAccount }))
    expect(await failure(sending)).toMatchObject({ outcome: 'permanent', scope: 'message', code })
    expect(requests).toEqual([])
  })
})

describe('a message', () => {
  it('arrives in the form that Twilio documents, and is known by its sid', async () => {
    const { baseUrl, messages, requests } = await server()
    const text = 'Mañana a las 9:00 & 50% 🙂\nClínica'
    const receipt = await transportTo(baseUrl).send(smsMessage({ text }), contextFor())
    expect(requests).toEqual([`POST /2010-04-01/Accounts/${canaries.accountSid}/Messages.json`])
    expect(messages).toMatchObject([
      { to: canaries.phone, from: '+14155550100', messagingServiceSid: null, body: text, statusCallback: null },
    ])
    expect(receipt).toEqual({ messageId: messages[0]?.sid })
  })

  it('of 1600 characters is sent, and a longer one is not', async () => {
    const { baseUrl, messages, requests } = await server()
    const transport = transportTo(baseUrl)
    await transport.send(smsMessage({ text: '🙂'.repeat(1600) }), contextFor())
    const error = await failure(transport.send(smsMessage({ text: 'a'.repeat(1601) }), contextFor()))
    expect(error).toMatchObject({ outcome: 'permanent', scope: 'message', code: 'twilio_body_too_long' })
    expect([messages.length, requests.length]).toEqual([1, 1])
  })

  it('is kept by Twilio no longer than it is of use, in whole seconds from 1 to 36,000', async () => {
    const { baseUrl, messages, requests } = await server()
    const transport = transportTo(baseUrl)
    const now = new Date('2031-03-10T12:00:00Z')
    const sendBefore = (ms: number) =>
      transport.send(smsMessage({ deadline: new Date(now.getTime() + ms) }), contextFor({ now: () => now }))
    for (const ms of [1000, 90_999, 36_000_000, 7 * 86_400_000]) await sendBefore(ms)
    await transport.send(smsMessage({ deadline: null }), contextFor())
    expect(messages.map(({ validityPeriod }) => validityPeriod)).toEqual(['1', '90', '36000', '36000', null])
    const late = { outcome: 'permanent', scope: 'message', code: 'twilio_too_late' }
    for (const ms of [999, 0, -5000]) expect(await failure(sendBefore(ms))).toMatchObject(late)
    expect(requests).toHaveLength(5)
  })

  it('tried again is the same request', async () => {
    const { baseUrl, messages } = await server()
    const transport = transportTo(baseUrl, { statusCallback: 'https://clinic.example/sms' })
    for (let attempt = 0; attempt < 2; attempt += 1) await transport.send(smsMessage(), contextFor())
    expect(messages).toHaveLength(2)
    expect(messages[1]?.raw).toBe(messages[0]?.raw)
    expect(messages[0]?.statusCallback).toBe('https://clinic.example/sms')
  })

  it('reports where its statusCallback function says, if it says so', async () => {
    const { baseUrl, messages } = await server()
    const transport = transportTo(baseUrl, {
      statusCallback: ({ idempotencyKey }) => {
        if (idempotencyKey === 'bad') throw new Error(canaries.text)
        return idempotencyKey === 'none' ? null : `https://clinic.example/${idempotencyKey}`
      },
    })
    await transport.send(smsMessage({ idempotencyKey: 'one' }), contextFor())
    await transport.send(smsMessage({ idempotencyKey: 'none' }), contextFor())
    const error = await failure(transport.send(smsMessage({ idempotencyKey: 'bad' }), contextFor()))
    expect(error).toMatchObject({ outcome: 'transient', code: 'twilio_status_callback' })
    expect(messages.map(({ statusCallback }) => statusCallback)).toEqual(['https://clinic.example/one', null])
  })
})

describe('the sender', () => {
  it('is the Messaging Service for the account of the host application only', async () => {
    const { baseUrl, messages } = await server()
    const transport = transportTo(baseUrl, { messagingServiceSid: 'MGservice' })
    await transport.send(smsMessage({ from: null }), contextFor({ trusted: true }))
    await transport.send(smsMessage(), contextFor())
    expect(messages).toMatchObject([
      { from: null, messagingServiceSid: 'MGservice' },
      { from: '+14155550100', messagingServiceSid: null },
    ])
    const error = await failure(transport.send(smsMessage({ from: null }), contextFor()))
    expect(error).toMatchObject({ outcome: 'permanent', scope: 'account', code: 'twilio_sender' })
  })
})

describe('accounts', () => {
  it('send with their own credentials over shared connections', async () => {
    const api = await server()
    const transport = transportTo(api.baseUrl)
    await transport.send(smsMessage(), contextFor())
    const account = { channel: 'SMS', provider: 'twilio', apiKey: 'ACother', apiSecret: 'other-token' } as const
    const refused = await failure(transport.send(smsMessage(), contextFor({ account, accountKey: 'account-2' })))
    expect(refused).toMatchObject({ outcome: 'transient', scope: 'account', code: 'twilio_20003' })
    await transport.send(smsMessage(), contextFor())
    expect(api.messages.map(({ accountSid }) => accountSid)).toEqual([canaries.accountSid, canaries.accountSid])
    expect(api.connections.total).toBe(1)
  })

  it('that are none of Twilio are refused before a request', async () => {
    const { baseUrl, requests } = await server()
    const sms = {
      channel: 'SMS',
      provider: 'twilio',
      apiKey: canaries.accountSid,
      apiSecret: canaries.authToken,
    } as const
    const accounts = [
      null,
      { ...sms, apiKey: null },
      { ...sms, apiSecret: null },
      { ...sms, apiSecret: '' },
      { ...sms, apiKey: 'SKcanary' },
      { ...sms, apiKey: 'AC../../x' },
    ]
    for (const account of accounts) {
      const error = await failure(transportTo(baseUrl).send(smsMessage(), contextFor({ account })))
      expect(error).toMatchObject({ outcome: 'permanent', scope: 'account', code: 'twilio_account' })
    }
    expect(requests).toHaveLength(0)
  })
})

describe('baseUrl', () => {
  it('may have a path, with or without a slash at its end', async () => {
    const { baseUrl, messages } = await server({ prefix: '/stand-in/twilio' })
    await transportTo(baseUrl).send(smsMessage(), contextFor())
    await transportTo(`${baseUrl}/`).send(smsMessage(), contextFor())
    expect(messages).toHaveLength(2)
  })

  it.each(['', 'api.twilio.com', 'ftp://127.0.0.1'])('refuses %j', (baseUrl) => {
    expect(() => twilio({ baseUrl })).toThrow(expect.toSatisfy(isNotificationError))
  })
})

describe('verify', () => {
  it('reads the account and sends nothing', async () => {
    const { baseUrl, messages, requests } = await server()
    await transportTo(baseUrl).verify?.(contextFor())
    expect(requests).toEqual([`GET /2010-04-01/Accounts/${canaries.accountSid}.json`])
    expect(messages).toHaveLength(0)
  })

  it.each(['suspended', 'closed'] as const)('refuses an account that is %s', async (accountStatus) => {
    const { baseUrl } = await server({ accountStatus })
    const error = await failure(transportTo(baseUrl).verify?.(contextFor()))
    expect(error).toMatchObject({ scope: 'account', code: 'twilio_account_inactive' })
  })

  it('tells what is wrong, and knows no unknown outcome', async () => {
    const api = await server({ credentials: { ...credentials, authToken: 'another' } })
    const refused = await failure(transportTo(api.baseUrl).verify?.(contextFor()))
    expect(refused).toMatchObject({ scope: 'account', code: 'twilio_20003' })
    const transport = transportTo(api.baseUrl, { timeoutMs: 200 })
    for (const how of [{ status: 500 }, 'drop', 'drop-answer', 'silent'] as const) {
      api.fault = { at: 'request', how }
      expect(await failure(transport.verify?.(contextFor()))).toMatchObject({ outcome: 'transient' })
    }
  })
})

describe('close', () => {
  it('waits for the sends in progress, frees the connections and refuses others', async () => {
    const gate = Promise.withResolvers<void>()
    const arrived = Promise.withResolvers<void>()
    const api = await server({
      onMessage: () => {
        arrived.resolve()
        return gate.promise
      },
    })
    const transport = transportTo(api.baseUrl)
    const sending = transport.send(smsMessage(), contextFor())
    await arrived.promise
    const closing = transport.close?.()
    expect(await failure(transport.send(smsMessage(), contextFor()))).toMatchObject({
      outcome: 'transient',
      code: 'twilio_closed',
    })
    gate.resolve()
    expect((await sending).messageId).toMatch(/^SM/)
    await closing
    await expect.poll(() => api.connections.open).toBe(0)
  })
})

it('pain 16: knows what Twilio signed', async () => {
  // The example of https://www.twilio.com/docs/usage/webhooks/webhooks-security.
  const url = 'https://mycompany.com/myapp.php?foo=1&bar=2'
  const params = {
    CallSid: 'CA1234567890ABCDE',
    Caller: '+14158675309',
    Digits: '1234',
    From: '+14158675309',
    To: '+18005551212',
  }
  const signature = 'RSOYDt4T1cUTdK1PDd93/VVr8B8='
  expect(await validateTwilioSignature('12345', { signature, url, params })).toBe(true)
  expect(await validateTwilioSignature('12346', { signature, url, params })).toBe(false)
  expect(await validateTwilioSignature('12345', { signature, url: url.replace('https', 'http'), params })).toBe(false)
  expect(await validateTwilioSignature('12345', { signature, url, params: { ...params, To: '+1' } })).toBe(false)
})

it.each([
  ['maxConnections', 0],
  ['concurrency', Number.NaN],
  ['timeoutMs', 0],
])('refuses "%s" of %o, with which it would send nothing', (field, value) => {
  const message = `twilio: "${field}" must be a number of 1 or more.`
  expect(() => twilio({ [field]: value })).toThrow(expect.objectContaining({ code: 'options_invalid', field, message }))
})
