import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { type WhatsAppCloudOptions, whatsappCloud } from '../../../adapters/transport/whatsapp-cloud.ts'
import type { Account, OutboundMessage, SendContext } from '../../../src/index.ts'
import { transportConformance } from '../../conformance/transport/index.ts'
import {
  startWhatsAppServer,
  templateMessage,
  type WhatsAppFault,
  type WhatsAppServerSettings,
} from '../../support/whatsapp-server.ts'
import { failure, smsMessage } from './twilio-fixture.ts'

/** Values that may show up nowhere but in the request itself. */
const canaries = { phone: '+14155550167', text: 'canary text', phoneNumberId: '106540352242922', token: 'canary-token' }
const { phoneNumberId, token } = canaries
const credentials = { phoneNumberId, token }
const account = {
  channel: 'WHATSAPP',
  provider: 'whatsapp-cloud',
  apiKey: phoneNumberId,
  apiSecret: token,
  appSecret: 'canary-app-secret',
  verifyToken: 'canary-verify-token',
} as const satisfies Account

const template = {
  name: 'appointment_reminder_1',
  language: 'pt_BR',
  category: 'UTILITY',
  parameters: [
    { key: '1', name: 'patient_name', value: 'Ada "Byron" \\ 🙂' },
    { key: '2', name: 'time', value: '9:00' },
  ],
} as const
const message = (values: Partial<OutboundMessage> = {}): OutboundMessage =>
  smsMessage({ channel: 'WHATSAPP', to: canaries.phone, from: null, text: canaries.text, template, ...values })
const contextFor = (values: Partial<SendContext> = {}): SendContext => ({
  account,
  accountKey: 'account-1',
  trusted: false,
  receiptUrl: null,
  now: () => new Date(),
  signal: new AbortController().signal,
  ...values,
})

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})
async function open(settings: WhatsAppServerSettings = {}, options: WhatsAppCloudOptions = {}) {
  const api = await startWhatsAppServer({ credentials, ...settings })
  const transport = whatsappCloud({ baseUrl: api.baseUrl, ...options })
  cleanups.push(api.close, async () => transport.close?.())
  return { api, transport, send: (values = {}, context = {}) => transport.send(message(values), contextFor(context)) }
}

transportConformance({
  name: 'whatsapp-cloud',
  async open() {
    const api = await startWhatsAppServer({ credentials })
    return {
      transport: whatsappCloud({ baseUrl: api.baseUrl }),
      channel: 'WHATSAPP',
      account,
      message: { from: null, template },
      received: async () => api.messages.map(({ biz_opaque_callback_data: data = '' }) => data),
      refuse(text) {
        api.fault = { at: 'request', how: { status: 400, code: 131026, text } }
      },
      close: api.close,
    }
  },
})

describe('a template', () => {
  it("arrives in the form of Meta's description, and is known by its id", async () => {
    const { api, send } = await open()
    const receipt = await send({ notificationId: 7, idempotencyKey: 'key-1' })
    expect(api.requests).toEqual([`POST /v25.0/${phoneNumberId}/messages`])
    const [{ id, path: _path, ...body } = { id: null, path: '' }] = api.messages
    expect(receipt).toEqual({ messageId: id })
    expect(templateMessage.parse(body)).toEqual({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: canaries.phone,
      type: 'template',
      template: {
        name: 'appointment_reminder_1',
        language: { policy: 'deterministic', code: 'pt_BR' },
        components: [
          {
            type: 'body',
            parameters: [
              { type: 'text', text: 'Ada "Byron" \\ 🙂' },
              { type: 'text', text: '9:00' },
            ],
          },
        ],
      },
      biz_opaque_callback_data: '7:key-1',
    })
  })

  it('whose variables have names is sent with these', async () => {
    const { api, send } = await open()
    await send({ template: { ...template, parameters: [{ key: 'first_name', name: 'patient_name', value: 'Ada' }] } })
    expect(api.messages[0]?.template.components).toEqual([
      { type: 'body', parameters: [{ type: 'text', parameter_name: 'first_name', text: 'Ada' }] },
    ])
  })

  it('has no components without variables, goes to a user id as `recipient`, and to the version that is set', async () => {
    const { api, send } = await open({}, { version: 'v24.0' })
    await send({ to: 'US.13491208655302741918', template: { ...template, parameters: [] } })
    expect(api.messages).toMatchObject([{ recipient: 'US.13491208655302741918', template: { components: [] } }])
    expect(api.messages[0]).not.toHaveProperty('to')
    expect(api.requests).toEqual([`POST /v24.0/${phoneNumberId}/messages`])
  })

  it.each(['accepted', 'held_for_quality_assessment', 'paused'] as const)(
    'that Meta has as %s was accepted: another attempt would be another message',
    async (messageStatus) => {
      const { send } = await open({ messageStatus })
      expect(await send()).toEqual({ messageId: expect.stringMatching(/^wamid\./) })
    },
  )

  it('may be free text, which Meta takes from whoever answers', async () => {
    const { api, send } = await open()
    expect(await failure(send({ template: null }))).toMatchObject({ outcome: 'permanent', code: 'whatsapp_131047' })
    api.heard.add(canaries.phone)
    expect(await send({ template: null, text: 'You will get no more messages.' })).toEqual({ messageId: 'wamid.T1' })
    expect(api.texts).toMatchObject([{ type: 'text', text: { body: 'You will get no more messages.' } }])
  })

  it('is not sent past its deadline, nor by an account that is none of these', async () => {
    const { api, send } = await open()
    const now = new Date('2031-03-10T12:00:00Z')
    const late = await failure(send({ deadline: now }, { now: () => now }))
    expect(late).toMatchObject({ outcome: 'permanent', code: 'whatsapp_too_late' })
    const others: (Account | null)[] = [
      null,
      { ...account, apiKey: 'AC1' },
      { ...account, apiKey: '1/../2' },
      { ...account, apiSecret: 'two\r\nlines' },
      { channel: 'SMS', provider: 'whatsapp-cloud', apiKey: '1', apiSecret: token },
    ]
    for (const other of others) {
      const error = await failure(send({}, { account: other }))
      expect(error).toMatchObject({ outcome: 'permanent', scope: 'account', code: 'whatsapp_account' })
    }
    expect(api.requests).toEqual([])
  })
})

describe('what became of a message, by the answer', () => {
  /** Meta's own words repeat what was sent. */
  const text = Object.values(canaries).join(' ')
  const refuses = (status: number, code?: number): WhatsAppFault => ({
    at: 'request',
    how: { status, text, ...(code !== undefined && { code }) },
  })
  type Row = readonly [fault: WhatsAppFault, outcome: string, scope: string, code: string]
  const of = (outcome: string, scope: string, status: number, ...codes: number[]): Row[] =>
    codes.map((code) => [refuses(status, code), outcome, scope, `whatsapp_${code}`])
  const rows: readonly Row[] = [
    ...of('transient', 'account', 401, 0, 190),
    ...of('transient', 'account', 403, 3, 10, 200, 299, 131005, 368, 131031),
    ...of('transient', 'account', 400, 33, 131037, 131042, 131045, 131048, 131064, 133006, 133010),
    ...of('transient', 'sender', 403, 130497),
    // A refusal is one whatever the status: Meta answers some with 500.
    ...of('transient', 'account', 500, 3),
    ...of('transient', 'message', 429, 4, 80007, 130429, 131056),
    ...of('transient', 'message', 400, 4, 80007, 130429, 131056, 1, 2, 131000, 131016, 131057, 133004),
    ...of('unknown', 'message', 500, 1, 2, 131000, 131016, 99_999),
    ...of('unknown', 'message', 503, 2, 131016),
    ...of('permanent', 'message', 400, 131026, 130403, 130472, 131021, 131030, 131047, 131050, 131063, 100, 99_999),
    ...of('permanent', 'message', 400, 131008, 131009, 132000, 132005, 132007, 132012, 132015, 132016, 132018),
    ...of('permanent', 'message', 404, 132001),
    ...of('transient', 'message', 400, 131049),
    [refuses(400), 'permanent', 'message', 'whatsapp_http_400'],
    [refuses(401), 'transient', 'account', 'whatsapp_http_401'],
    [refuses(403), 'transient', 'account', 'whatsapp_http_403'],
    [refuses(408), 'transient', 'message', 'whatsapp_http_408'],
    [refuses(429), 'transient', 'message', 'whatsapp_http_429'],
    [refuses(502), 'unknown', 'message', 'whatsapp_http_502'],
    [refuses(307), 'unknown', 'message', 'whatsapp_http_307'],
    [{ at: 'request', how: { status: 400, code: 100, subcode: 33, text } }, 'transient', 'account', 'whatsapp_33'],
    [
      { at: 'request', how: { status: 400, code: 99_999, isTransient: true, text } },
      'transient',
      'message',
      'whatsapp_99999',
    ],
    [{ at: 'request', how: { status: 502, body: `<h1>${text}</h1>` } }, 'unknown', 'message', 'whatsapp_http_502'],
    [{ at: 'accepted', how: { status: 200, body: `<p>${text}</p>` } }, 'unknown', 'message', 'whatsapp_answer'],
    [{ at: 'accepted', how: { status: 200, body: '{"messages":[]}' } }, 'unknown', 'message', 'whatsapp_answer'],
    [{ at: 'accepted', how: { status: 200, body: 'x'.repeat(99_999) } }, 'unknown', 'message', 'whatsapp_answer'],
    [{ at: 'request', how: 'drop' }, 'unknown', 'message', 'whatsapp_connection_lost'],
    [{ at: 'accepted', how: 'drop' }, 'unknown', 'message', 'whatsapp_connection_lost'],
    [{ at: 'accepted', how: 'drop-answer' }, 'unknown', 'message', 'whatsapp_connection_lost'],
    [{ at: 'accepted', how: 'silent' }, 'unknown', 'message', 'whatsapp_timeout'],
  ]
  it.each(rows)('%j: %s, %s, %s', async (fault, outcome, scope, code) => {
    const { api, send } = await open({ fault }, { timeoutMs: fault.how === 'silent' ? 150 : 5000 })
    const error = await failure(send())
    expect(error).toMatchObject({ outcome, scope, code })
    expect(api.requests).toHaveLength(1)
    const told = inspect(error, { depth: 9, showHidden: true })
    for (const canary of Object.values(canaries)) expect(told).not.toContain(canary)
  })

  it('is told apart: whose fault it is, and how long to wait', async () => {
    const { api, send } = await open({ approved: { appointment_reminder_1: { languages: ['pt_BR'], variables: 2 } } })
    await send()
    // The account is well where the recipient or the template is not; of what is not understood nobody knows.
    api.fault = refuses(400, 131026)
    expect(await failure(send())).toMatchObject({ accountProven: true })
    api.fault = refuses(400, 100)
    expect(await failure(send())).toMatchObject({ accountProven: false })
    api.fault = refuses(400, 131049)
    expect(await failure(send())).toMatchObject({ retryAfterMs: 86_400_000 })
    api.fault = { at: 'request', how: { status: 429, code: 130429, retryAfter: '7' } }
    expect(await failure(send())).toMatchObject({ retryAfterMs: 7000 })
    api.fault = refuses(403, 130497)
    expect(await failure(send())).toMatchObject({ destination: '+1415' })
    expect(await failure(send({ to: 'US.13491208655302741918' }))).toMatchObject({ destination: 'US.' })
    api.fault = null
    expect(await failure(send({ template: { ...template, language: 'de' } }))).toMatchObject({
      code: 'whatsapp_132001',
    })
    expect(await failure(send({ template: { ...template, parameters: [] } }))).toMatchObject({
      code: 'whatsapp_132000',
      message: 'The template has another number of variables than the organization says (HTTP 400).',
    })
  })

  it('without a connection is that nothing was sent', async () => {
    const { api, transport } = await open()
    await api.close()
    for (const baseUrl of [api.baseUrl, api.baseUrl.replace('http:', 'https:'), 'http://nowhere.invalid']) {
      const error = await failure(whatsappCloud({ baseUrl }).send(message(), contextFor()))
      expect(error).toMatchObject({ outcome: 'transient', scope: 'account', code: 'whatsapp_unreachable' })
      expect(error.message).toMatch(/before the request was sent \((?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN)\)\.$/)
    }
    await transport.close?.()
    expect(await failure(transport.send(message(), contextFor()))).toMatchObject({ code: 'whatsapp_closed' })
  })

  it('of a send that is ended is unknown', async () => {
    const controller = new AbortController()
    const { api, send } = await open({ fault: { at: 'accepted', how: 'silent' } })
    const sending = failure(send({}, { signal: controller.signal }))
    await expect.poll(() => api.messages.length).toBe(1)
    controller.abort()
    expect(await sending).toMatchObject({ outcome: 'unknown', code: 'whatsapp_aborted' })
  })
})

describe('the account', () => {
  it('is checked by reading its phone number', async () => {
    const { api, transport } = await open()
    await transport.verify?.(contextFor())
    expect(api.requests).toEqual([`GET /v25.0/${phoneNumberId}`])
    const wrong = { account: { ...account, apiSecret: 'other' } }
    expect(await failure(transport.verify?.(contextFor(wrong)))).toMatchObject({
      scope: 'account',
      code: 'whatsapp_190',
    })
    const unknown = { account: { ...account, apiKey: '1' } }
    expect(await failure(transport.verify?.(contextFor(unknown)))).toMatchObject({ code: 'whatsapp_33' })
    api.fault = { at: 'request', how: { status: 500 } }
    // It sends no message, so its outcome cannot be unknown.
    expect(await failure(transport.verify?.(contextFor()))).toMatchObject({ outcome: 'transient' })
  })

  it.each([
    ['version', { version: '23' }],
    ['version', { version: 'v23.0/../v1.0' }],
    ['baseUrl', { baseUrl: 'graph.facebook.com' }],
    ['timeoutMs', { timeoutMs: Number.NaN }],
    ['concurrency', { concurrency: 0 }],
  ])('is not sent with a %s that is none: %j', (field, options) => {
    expect(() => whatsappCloud(options)).toThrow(expect.objectContaining({ code: 'options_invalid', field }))
  })
})
