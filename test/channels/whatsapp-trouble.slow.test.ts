/** What goes wrong with WhatsApp between planning and the last report: real requests to a stand-in of Meta's API. */
import { createHmac } from 'node:crypto'
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js'
import { describe, expect, it, onTestFinished } from 'vitest'
import { twilio } from '../../adapters/transport/twilio.ts'
import { isNotificationError } from '../../src/index.ts'
import { ada, organizationId } from '../support/clinic.ts'
import { startTwilioServer } from '../support/twilio-server.ts'
import { account, confirmation, openSending, patient, reminder, startsAt, whatsapp } from './whatsapp-clinic.ts'

const hour = 3_600_000
type Sending = Awaited<ReturnType<typeof openSending>>

const change = ({ settings }: Sending, part: object) =>
  settings.updateOrganizationSettings(organizationId, { channels: { whatsapp: part } })
const mapped = (reminders: readonly object[]) => ({
  approvedTemplates: { appointment_reminder: reminders, appointment_confirmation: [confirmation] },
})
const accountId = async ({ settings }: Sending) =>
  (await settings.effectiveSettings(organizationId)).channels.WHATSAPP?.accounts[0]?.accountId

/** What Meta reports, to the webhook of the account. */
async function report(sending: Sending, ...values: readonly object[]): Promise<number> {
  const changes = values.map((value) => ({ field: 'messages', value }))
  const bytes = Buffer.from(JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '1', changes }] }))
  const signature = `sha256=${createHmac('sha256', account.appSecret).update(bytes).digest('hex')}`
  const { status } = await sending.handle({
    ...{ method: 'POST', path: `/webhooks/whatsapp-cloud/${await accountId(sending)}`, query: '', native: null },
    headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature },
    readBody: async () => ({ kind: 'bytes', bytes }),
  })
  return status
}
const ofNumber = (id: string, ...statuses: readonly object[]) => ({
  messaging_product: 'whatsapp',
  metadata: { display_phone_number: '15550783881', phone_number_id: id },
  statuses,
})
const sent = ({ api }: Sending, at = 0) => {
  const { id = '', biz_opaque_callback_data: data = '' } = api.messages[at] ?? {}
  return (status: string, more: object = {}) =>
    ofNumber(account.apiKey, { id, timestamp: '1773835200', status, biz_opaque_callback_data: data, ...more })
}

describe('a mapping that changes while reminders wait', () => {
  it('is the one that is sent: another name, order, text and language', async () => {
    const sending = await openSending()
    const { notifications, clock, api, last, host } = sending
    await notifications.scheduleReminders(1)
    host.book({ id: 1, startsAt, recipients: [{ ...ada, locale: 'es-ES' }] })
    const body = '{{1}}: {{2}}.'
    const spanish = { language: 'es', name: 'recordatorio_2', body, variables: ['time', 'patient_name'] }
    await change(sending, mapped([reminder, spanish]))
    await clock.advance(3 * hour + 60_000)
    await expect.poll(last).toMatchObject({ status: 'SENT', message: '14:00: Ada Byron.' })
    expect(api.messages).toMatchObject([
      {
        template: {
          name: 'recordatorio_2',
          language: { code: 'es' },
          components: [{ parameters: [{ text: '14:00' }, { text: 'Ada Byron' }] }],
        },
      },
    ])
  })

  it('and no longer has their kind withdraws them', async () => {
    const sending = await openSending()
    const { notifications, clock, api } = sending
    await notifications.scheduleReminders(1)
    const only = { appointment_confirmation: [confirmation] }
    await change(sending, { categories: ['CONFIRMATION'], approvedTemplates: only })
    await clock.advance(6 * hour)
    expect(await notifications.getReminders(1)).toMatchObject([{ status: 'CANCELLED' }])
    expect(api.requests).toEqual([])
  })

  it('is the one of a notice that waits for its account, and consent is that of then', async () => {
    const sending = await openSending()
    const { api, confirm, clock, last, settings } = sending
    api.fault = { at: 'request', how: { status: 401, code: 190 } }
    await confirm()
    await expect.poll(() => api.requests.length).toBeGreaterThan(0)
    const renamed = { ...confirmation, name: 'confirmed_2', body: 'See you on {{1}}.' }
    await change(sending, {
      approvedTemplates: { appointment_reminder: [reminder], appointment_confirmation: [renamed] },
    })
    api.fault = null
    await expect
      .poll(async () => {
        await clock.advance(1000)
        return last()
      })
      .toMatchObject({ status: 'SENT', message: expect.stringMatching(/^See you on /) })
    expect(api.messages).toMatchObject([{ template: { name: 'confirmed_2' } }])
    // The next one waits too, and then the person withdraws their consent.
    api.fault = { at: 'request', how: { status: 401, code: 190 } }
    await confirm()
    await expect.poll(last).toMatchObject({ state: 'queued', errorCode: 'whatsapp_190' })
    await settings.updatePreferences(patient, { channels: { whatsapp: { enabled: null } } })
    api.fault = null
    await clock.advance(hour)
    expect(api.messages).toHaveLength(1)
  })
})

describe('what is accepted at saving and deserves a second look', () => {
  it('is a fixed day in a reminder, and a value that its level leaves out', async () => {
    const sending = await openSending()
    const fixed = { ...reminder, body: 'Hello {{1}}, see you tomorrow, {{2}}, at {{3}}.' }
    await sending.settings.updateOrganizationSettings(organizationId, { quietHours: [] })
    expect((await change(sending, mapped([fixed]))).warnings).toMatchObject([
      { code: 'fixed_day', field: 'channels.whatsapp.approvedTemplates.appointment_reminder[0].body' },
    ])
    const { warnings } = await sending.settings.updateOrganizationSettings(organizationId, {
      detailLevels: [{ level: 0, channel: 'WHATSAPP', category: 'CONFIRMATION' }],
    })
    expect(warnings).toEqual([
      {
        code: 'detail_level',
        field: 'channels.whatsapp.approvedTemplates.appointment_confirmation[0].variables',
        message: 'Messages of detail level 0 must not say {date}; "-" is sent in its place',
      },
    ])
    await sending.confirm()
    await expect.poll(sending.last).toMatchObject({ status: 'SENT', message: 'Confirmed: -.' })
  })
})

describe('what Meta does with a message', () => {
  it('whose answer was lost is found by its report, and not sent again', async () => {
    const sending = await openSending()
    const { api, confirm, last, clock } = sending
    api.fault = { at: 'accepted', how: 'drop' }
    await confirm()
    await expect.poll(last).toMatchObject({ status: null, errorCode: 'whatsapp_connection_lost' })
    api.fault = null
    expect(await report(sending, sent(sending)('sent'))).toBe(200)
    expect(await last()).toMatchObject({ status: 'SENT', providerMessageId: api.messages[0]?.id })
    await clock.advance(hour)
    expect(api.messages).toHaveLength(1)
  })

  it('whose answer was lost is held where the organization says so', async () => {
    const sending = await openSending()
    const { api, confirm, last, clock, settings } = sending
    await settings.updateOrganizationSettings(organizationId, { unknownOutcome: 'hold' })
    api.fault = { at: 'accepted', how: 'drop-answer' }
    await confirm()
    await expect.poll(last).toMatchObject({ state: 'unknown' })
    api.fault = null
    await clock.advance(5 * hour)
    expect(api.messages).toHaveLength(1)
  })

  it('cannot be billed is tried again, as the payment may be made by then', async () => {
    const sending = await openSending()
    const { api, confirm, last, clock } = sending
    await confirm()
    await expect.poll(last).toMatchObject({ status: 'SENT' })
    await report(sending, sent(sending)('failed', { errors: [{ code: 131042, title: 'Business eligibility' }] }))
    expect(await last()).toMatchObject({ status: null, state: 'queued', errorCode: 'whatsapp_131042' })
    await clock.advance(hour)
    await expect.poll(() => api.messages.length).toBe(2)
    await report(sending, sent(sending, 1)('delivered'))
    expect(await last()).toMatchObject({ status: 'DELIVERED' })
  })

  it('is reported in any order, several at once, beside those of other numbers and news', async () => {
    const sending = await openSending()
    const { confirm, last } = sending
    await confirm()
    await expect.poll(last).toMatchObject({ status: 'SENT' })
    const { id } = (await last()) ?? {}
    const foreign = ofNumber('999', { id: 'wamid.other', status: 'failed', biz_opaque_callback_data: `${id}:x` })
    expect(await report(sending, foreign)).toBe(200)
    expect(await report(sending, { event: 'PAUSED', message_template_name: 'confirmed' })).toBe(200)
    expect(await last()).toMatchObject({ status: 'SENT' })
    const of = sent(sending)
    const priced = { pricing: { billable: true, pricing_model: 'PMP', category: 'utility', type: 'regular' } }
    expect(await report(sending, foreign, of('read'), of('delivered', priced), of('sent', priced), of('sent'))).toBe(
      200,
    )
    expect(await last()).toMatchObject({ status: 'DELIVERED' })
    // What was delivered did not fail.
    await report(sending, of('failed', { errors: [{ code: 131026 }] }))
    expect(await last()).toMatchObject({ status: 'DELIVERED' })
  })
})

describe('by Twilio, with the account of its SMS', () => {
  const sid = `HX${'a'.repeat(32)}`
  const twilioAccount = { provider: 'twilio', apiKey: 'ACcanary', apiSecret: 'canary', fromNumber: '+14155550100' }

  async function openTwilio() {
    const api = await startTwilioServer()
    onTestFinished(api.close)
    const part = {
      ...whatsapp,
      categories: ['CONFIRMATION' as const],
      approvedTemplates: { appointment_confirmation: [{ ...confirmation, name: sid }] },
      account: twilioAccount,
    }
    const sending = await openSending(part, [twilio({ baseUrl: api.baseUrl })])
    return { ...sending, api }
  }

  /** What Twilio calls back, at the URL that it was given. */
  async function callBack({ api, handle }: Awaited<ReturnType<typeof openTwilio>>, more: Record<string, string>) {
    const { statusCallback, sid: MessageSid = '' } = api.messages[0] ?? {}
    const url = new URL(statusCallback ?? '')
    const form = { MessageSid, AccountSid: twilioAccount.apiKey, ChannelPrefix: 'whatsapp', ...more }
    const signature = getExpectedTwilioSignature(twilioAccount.apiSecret, url.href, form)
    const { status } = await handle({
      ...{ method: 'POST', path: url.pathname.replace('/api', ''), query: url.search.slice(1), native: null },
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature },
      readBody: async () => ({ kind: 'bytes', bytes: Buffer.from(new URLSearchParams(form).toString()) }),
    })
    return status
  }

  it('reports arrive, though WhatsApp writes the number in its own way', async () => {
    const sending = await openTwilio()
    const { host, confirm, last, api } = sending
    host.book({ id: 1, startsAt, recipients: [{ ...ada, phone: '+52 55 1234 5678' }] })
    await confirm()
    await expect.poll(last).toMatchObject({ status: 'SENT' })
    expect(api.messages).toMatchObject([{ to: 'whatsapp:+525512345678' }])
    expect(await callBack(sending, { To: 'whatsapp:+5215512345678', MessageStatus: 'read' })).toBe(200)
    expect(await last()).toMatchObject({ status: 'DELIVERED' })
  })

  it.each([
    ['63041', { status: 'FAILED', errorCode: 'twilio_63041' }],
    ['63049', { status: 'FAILED', errorCode: 'twilio_63049' }],
    ['63015', { status: 'FAILED', errorCode: 'twilio_63015' }],
    ['63012', { status: null, state: 'queued', errorCode: 'twilio_63012' }],
    ['63020', { status: null, state: 'queued', errorCode: 'twilio_63020' }],
  ])('a report of %s is what becomes of the message', async (ErrorCode, row) => {
    const sending = await openTwilio()
    await sending.confirm()
    await expect.poll(sending.last).toMatchObject({ status: 'SENT' })
    expect(await callBack(sending, { To: 'whatsapp:+14155550123', MessageStatus: 'undelivered', ErrorCode })).toBe(200)
    expect(await sending.last()).toMatchObject(row)
  })
})

describe('an organization', () => {
  it('sends nothing by it until it says so, and no secret or patient shows anywhere', async () => {
    const sending = await openSending({ ...whatsapp, enabled: null })
    const { settings, notifications, audit, api, confirm, log, told, last } = sending
    const off = expect.objectContaining({ channel: 'WHATSAPP', rule: 'channel_disabled_by_organization' })
    expect((await settings.effectivePreferences(patient)).decisions).toContainEqual(off)
    expect(await confirm()).toMatchObject({ notifications: [], omitted: [off] })
    await change(sending, { enabled: true, account: { verifyToken: 'canary-verify' } })
    api.fault = { at: 'request', how: { status: 400, code: 131026, text: 'to Ada Byron at +14155550123' } }
    await confirm()
    await expect.poll(last).toMatchObject({ status: 'FAILED', errorCode: 'whatsapp_131026' })
    const shown = [
      await settings.getOrganizationSettings(organizationId),
      await settings.effectiveSettings(organizationId),
      await audit.list(organizationId, {}),
      await notifications.explain(1),
      (await last())?.errorMessage,
      told,
      log,
    ]
    for (const canary of ['canary-token', 'canary-app', 'canary-verify', 'Byron', '5550123']) {
      expect(JSON.stringify(shown)).not.toContain(canary)
    }
    expect(shown[0]).toMatchObject({
      channels: { whatsapp: { account: { apiSecret: '********', appSecret: '********' } } },
    })
  })

  it('sends no more in a day than it set for the account', async () => {
    const sending = await openSending({ ...whatsapp, account: { ...account, perDay: 1 } })
    const { api, confirm, clock } = sending
    await confirm()
    await expect.poll(() => api.messages.length).toBe(1)
    await confirm()
    await clock.advance(3 * hour)
    expect(api.messages).toHaveLength(1)
  })
})

describe('what it costs', () => {
  const messagePrices = [
    { channel: 'WHATSAPP', currency: 'EUR', price: 0.05 },
    { channel: 'WHATSAPP', category: 'MARKETING', currency: 'EUR', price: 0.11 },
    { channel: 'WHATSAPP', country: 'US', category: 'UTILITY', currency: 'USD', price: 0.0034 },
    { channel: 'WHATSAPP', country: 'US', currency: 'USD', price: 0.025 },
    { channel: 'SMS', country: 'US', currency: 'USD', price: 9 },
  ] as const

  it('is shown by the plan, by the country of the person and the category of the template', async () => {
    const sending = await openSending()
    const { settings, notifications, host } = sending
    const costOf = async () => (await notifications.plan(1)).reminders[0]
    expect(await costOf()).toMatchObject({ channel: 'WHATSAPP', segments: null, cost: null })
    await settings.updateOrganizationSettings(organizationId, { messagePrices: [...messagePrices] })
    expect(await costOf()).toMatchObject({ segments: null, cost: { amount: 0.0034, currency: 'USD' } })
    await change(sending, mapped([{ ...reminder, category: 'MARKETING' }]))
    expect(await costOf()).toMatchObject({ cost: { amount: 0.025, currency: 'USD' } })
    await settings.updatePreferences(patient, { channels: { whatsapp: { address: 'GB.ENT.11815799212886844830' } } })
    expect(await costOf()).toMatchObject({ cost: { amount: 0.11, currency: 'EUR' } })
    await settings.updatePreferences(patient, { channels: { whatsapp: { address: 'US.13491208655302741918' } } })
    expect(await costOf()).toMatchObject({ cost: { amount: 0.025, currency: 'USD' } })
    await settings.updatePreferences(patient, { channels: { whatsapp: { address: null } } })
    await change(sending, mapped([{ ...reminder, category: 'AUTHENTICATION' }]))
    host.change(1, { recipients: [{ ...ada, phone: '+49 1512 3456789' }] })
    expect(await costOf()).toMatchObject({ cost: { amount: 0.05, currency: 'EUR' } })
  })

  it('has a category where there are templates, and no other', async () => {
    const { settings } = await openSending()
    const wrong = [{ channel: 'SMS', category: 'UTILITY', currency: 'EUR', price: 1 }] as const
    const error: unknown = await settings
      .updateOrganizationSettings(organizationId, { messagePrices: [...wrong] })
      .catch((reason) => reason)
    if (!isNotificationError(error)) throw error
    expect(error.issues).toMatchObject([
      { field: 'messagePrices[0].category', message: 'is for channels whose messages are approved templates' },
    ])
  })
})
