/** What people answer, as each provider posts it: real signed requests to a real server, until what becomes of them. */
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { expressRouter } from '../../adapters/http/express.ts'
import { awsSms } from '../../adapters/transport/aws-sms.ts'
import { twilio } from '../../adapters/transport/twilio.ts'
import { whatsappCloud } from '../../adapters/transport/whatsapp-cloud.ts'
import type { Channel, OrganizationSettingsInput, Transport } from '../../src/index.ts'
import { certificate } from '../adapters/transport/receipts/sns-certificate.ts'
import { signed } from '../adapters/transport/receipts/sns-signed.ts'
import { startAwsServer } from '../support/aws-server.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { startTwilioServer } from '../support/twilio-server.ts'
import { startWhatsAppServer } from '../support/whatsapp-server.ts'

const now = '2031-03-10T12:00:00.000Z'
const publicUrl = 'https://clinic.example/n'
const patient = { type: 'PATIENT', id: ada.id } as const
const sender = '+14155550100'
const sid = `AC${'1'.repeat(32)}`

/** A clinic that wrote to Ada, behind a real server. */
async function served(
  transport: Transport,
  channel: Channel,
  settings: OrganizationSettingsInput,
  phone: string = ada.phone,
) {
  const clinic = await openClinic(now, { transports: [transport], publicUrl })
  onTestFinished(() => clinic[Symbol.asyncDispose]())
  await clinic.settings.createOrganizationSettings(organizationId, settings)
  clinic.host.book({ id: 1, startsAt: '2031-03-20T12:00:00Z', recipients: [{ ...ada, phone }] })
  await clinic.settings.createPreferences(patient, { channels: { whatsapp: { enabled: true } } })
  await clinic.start()
  const write = async () => {
    const sent = await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel })
    const [queued] = sent.notifications
    if (queued === undefined) return sent.omitted.map(({ rule }) => rule)
    const row = () => clinic.settle().then(() => clinic.notifications.getNotification(queued.id))
    await expect.poll(async () => (await row()).state).toBe('settled')
    return row()
  }
  await write()
  const router = expressRouter(clinic)
  const server = createServer((request, response) => void router(request, response)).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = z.object({ port: z.number() }).parse(server.address())
  const account = (await clinic.settings.effectiveSettings(organizationId)).channels[channel]?.accounts[0]?.accountId
  const path = `/webhooks/${transport.name}/${account}`
  const decision = async () => {
    const { decisions } = await clinic.settings.effectivePreferences(patient)
    return decisions.find((one) => one.channel === channel && one.category === 'CONFIRMATION')?.reasons
  }
  return {
    ...clinic,
    write,
    decision,
    /** The clinic has another language from now on; what was read of it before is not relied on for more than a moment. */
    speaks: (locale: string) => {
      clinic.host.organizationRows.set(organizationId, { id: organizationId, name: 'Harbour Clinic', locale })
      return clinic.clock.advance(60_000)
    },
    url: `${publicUrl}${path}`,
    post: async (body: string, headers: Record<string, string>) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body, headers })
      return { status: answer.status, text: await answer.text() }
    },
  }
}

const stopped = ['suppressed', 'channel_disabled_by_recipient']

const byTwilio = { smsProvider: 'twilio', smsApiKey: sid, smsApiSecret: 'token', smsFromNumber: sender }

/** As Twilio posts what a person wrote, with all that it says. */
function twilioForm(text: string, prefix = '', more: Record<string, string> = {}) {
  const id = `SM${Math.random().toString(16).slice(2).padEnd(32, '0')}`
  return {
    ...{ ToCountry: 'US', ToState: 'CA', SmsMessageSid: id, NumMedia: '0', ToCity: '', FromZip: '', SmsSid: id },
    ...{ FromState: 'CA', SmsStatus: 'received', FromCity: '', Body: text, FromCountry: 'US', ToZip: '' },
    ...{ NumSegments: '1', MessageSid: id, AccountSid: sid, ApiVersion: '2010-04-01' },
    ...{ To: `${prefix}${sender}`, From: `${prefix}${ada.phone}` },
    ...more,
  }
}

function twilioPost(clinic: Awaited<ReturnType<typeof served>>, form: Record<string, string>) {
  const text = Object.keys(form)
    .toSorted()
    .reduce((all, name) => `${all}${name}${form[name]}`, clinic.url)
  const signature = createHmac('sha1', 'token').update(text).digest('base64')
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature }
  return clinic.post(new URLSearchParams(form).toString(), headers)
}

const empty = '<?xml version="1.0" encoding="UTF-8"?><Response/>'

it('Twilio: what it answers by itself the library does not answer, and the rest by TwiML', async () => {
  const provider = await startTwilioServer()
  onTestFinished(() => provider.close())
  const clinic = await served(twilio({ baseUrl: provider.baseUrl }), 'SMS', byTwilio)
  const say = (text: string, more = {}) => twilioPost(clinic, twilioForm(text, '', more))
  expect(await say('Help')).toEqual({ status: 200, text: empty })
  expect(await say('STOP')).toEqual({ status: 200, text: empty })
  expect(await clinic.decision()).toEqual(stopped)
  await clinic.clock.advance(2 * 3_600_000)
  expect(await say('Start', { OptOutType: 'START' })).toEqual({ status: 200, text: empty })
  expect(await clinic.decision()).toEqual([])
  expect((await say('Stop. Thank you')).text).toMatch(/<Message>Harbour Clinic: You will get no more messages/)
  expect(await clinic.decision()).toEqual(stopped)
  expect((await clinic.post('Body=STOP', {})).status).toBe(401)
  expect(provider.messages).toHaveLength(1)
})

it('Twilio: short codes, and accounts without its keywords, are answered by the library', async () => {
  const provider = await startTwilioServer()
  onTestFinished(() => provider.close())
  const bare = await served(twilio({ baseUrl: provider.baseUrl, answersKeywords: false }), 'SMS', byTwilio)
  expect((await twilioPost(bare, twilioForm('STOP'))).text).toMatch(/no more messages/)
  const clinic = await served(twilio({ baseUrl: provider.baseUrl }), 'SMS', byTwilio)
  expect((await twilioPost(clinic, twilioForm('HELP', '', { To: '12345' }))).text).toMatch(/Appointment messages/)
})

const confirmation = { language: 'en', name: `HX${'a'.repeat(32)}`, body: 'Confirmed: {{1}}.', variables: ['date'] }
const part = {
  enabled: true,
  categories: ['CONFIRMATION' as const],
  approvedTemplates: { appointment_confirmation: [confirmation] },
}

it('Twilio WhatsApp: a refusal is confirmed by TwiML, and who wrote lately gets free text where no template is approved', async () => {
  const provider = await startTwilioServer()
  onTestFinished(() => provider.close())
  const account = { provider: 'twilio', apiKey: sid, apiSecret: 'token', fromNumber: sender }
  const clinic = await served(twilio({ baseUrl: provider.baseUrl }), 'WHATSAPP', {
    channels: { whatsapp: { ...part, account } },
  })
  const say = (text: string) =>
    twilioPost(clinic, twilioForm(text, 'whatsapp:', { ProfileName: 'Ada', WaId: ada.phone.slice(1) }))
  expect(await say('see you')).toEqual({ status: 200, text: empty })
  provider.heard.add(`whatsapp:${ada.phone}`)
  await clinic.speaks('pt')
  expect(await clinic.write()).toMatchObject({ status: 'SENT', message: expect.stringMatching(/Harbour Clinic/) })
  expect(provider.messages.at(-1)).toMatchObject({
    ...{ to: `whatsapp:${ada.phone}`, from: `whatsapp:${sender}`, contentSid: null },
    body: expect.stringMatching(/Harbour Clinic/),
  })
  expect((await say('STOP')).text).toMatch(/<Message>Harbour Clinic: Não receberá mais mensagens/)
  expect(await clinic.decision()).toEqual(stopped)
})

it('AWS: two-way SMS by SNS, answered by a message where AWS answers nothing', async () => {
  const topic = 'arn:aws:sns:eu-west-1:123456789012:answers'
  const aws = await startAwsServer({ keys: { AKIDEXAMPLE0000000001: 'secret' } })
  onTestFinished(() => aws.close())
  const receipts = { topics: () => [topic], fetch: async () => new Response(certificate) }
  const settings = {
    ...{ smsProvider: 'aws_sms', smsApiKey: 'AKIDEXAMPLE0000000001', smsApiSecret: 'secret', smsFromNumber: sender },
    channels: { sms: { account: { region: 'eu-west-1' } } },
  }
  let messages = 0
  const sayTo = async (clinic: Awaited<ReturnType<typeof served>>, text: string) => {
    messages += 1
    const answer = {
      originationNumber: ada.phone,
      destinationNumber: sender,
      messageKeyword: 'KEYWORD_123456789012',
      messageBody: text,
      inboundMessageId: `in-${messages}`,
      previousPublishedMessageId: 'out-1',
    }
    const fields = {
      ...{ Type: 'Notification', MessageId: `sns-${messages}`, TopicArn: topic, Message: JSON.stringify(answer) },
      Timestamp: clinic.clock.now().toISOString(),
    }
    const headers = { 'content-type': 'text/plain; charset=UTF-8', 'x-amz-sns-message-type': 'Notification' }
    return clinic.post(JSON.stringify(signed(fields, '2')), headers)
  }
  const byAws = await served(awsSms({ endpoint: aws.endpoint, receipts }), 'SMS', settings)
  expect((await sayTo(byAws, 'Help me')).status).toBe(200)
  expect((await sayTo(byAws, 'STOP')).status).toBe(200)
  expect(await byAws.decision()).toEqual(stopped)
  expect(aws.messages).toHaveLength(1)
  const own = await served(awsSms({ endpoint: aws.endpoint, receipts, answersKeywords: false }), 'SMS', settings)
  expect((await sayTo(own, 'STOP')).status).toBe(200)
  expect(await own.decision()).toEqual(stopped)
  expect(aws.messages.at(-1)?.input).toMatchObject({
    ...{ DestinationPhoneNumber: ada.phone, OriginationIdentity: sender },
    MessageBody: expect.stringMatching(/no more messages/),
  })
  await sayTo(own, 'STOP')
  expect(aws.messages).toHaveLength(3)
})

const numberId = '106540352242922'
/** A clinic that writes by Meta to this number of Ada's. */
async function servedByMeta(phone: string = ada.phone) {
  const api = await startWhatsAppServer()
  onTestFinished(() => api.close())
  const account = { provider: 'whatsapp-cloud', apiKey: numberId, apiSecret: 'token', appSecret: 'app' }
  const templates = { appointment_confirmation: [{ ...confirmation, name: 'confirmed' }] }
  const whatsapp = { ...part, approvedTemplates: templates, account }
  const clinic = await served(whatsappCloud({ baseUrl: api.baseUrl }), 'WHATSAPP', { channels: { whatsapp } }, phone)
  let messages = 0
  return {
    ...clinic,
    api,
    /** As Meta posts it: with a number, or with the id by which it knows somebody alone. */
    say: async (
      text: string,
      from: { readonly number?: string; readonly userId?: string },
      at = clinic.clock.now(),
    ) => {
      messages += 1
      const { number, userId } = from
      const contact = { profile: { name: 'Ada' }, ...(number && { wa_id: number }), ...(userId && { user_id: userId }) }
      const message = {
        ...(number && { from: number }),
        ...(userId && { from_user_id: userId }),
        ...{ id: `wamid.in${messages}`, timestamp: String(Math.floor(at.getTime() / 1000)) },
        ...{ type: 'text', text: { body: text } },
      }
      const metadata = { display_phone_number: sender.slice(1), phone_number_id: numberId }
      const value = { messaging_product: 'whatsapp', metadata, contacts: [contact], messages: [message] }
      const body = JSON.stringify({
        object: 'whatsapp_business_account',
        entry: [{ id: '1', changes: [{ value, field: 'messages' }] }],
      })
      const signature = createHmac('sha256', 'app').update(body).digest('hex')
      return clinic.post(body, { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` })
    },
  }
}

it('Meta: free text answers a refusal, and stands in for a template that is missing within 24 hours', async () => {
  const clinic = await servedByMeta()
  const number = ada.phone.slice(1)
  await clinic.speaks('pt')
  expect(await clinic.write()).toEqual(['no_template'])
  // Reported a day late: it opens nothing.
  await clinic.say('see you', { number }, new Date(Date.parse(now) - 25 * 3_600_000))
  expect(await clinic.write()).toEqual(['no_template'])
  clinic.api.heard.add(ada.phone)
  await clinic.say('see you', { number })
  expect(await clinic.write()).toMatchObject({
    status: 'SENT',
    templateRevision: expect.not.stringMatching(/^approved/),
  })
  expect(clinic.api.texts).toMatchObject([{ to: ada.phone, text: { body: expect.stringMatching(/Harbour Clinic/) } }])
  const rules = (await clinic.notifications.explain(1)).map(({ rule }) => rule)
  expect(rules).toContain('free_text')
  await clinic.clock.advance(24 * 3_600_000)
  expect(await clinic.write()).toEqual(['no_template'])
  await clinic.speaks('en')
  await clinic.say('STOP', { number })
  expect(await clinic.decision()).toEqual(stopped)
  expect(clinic.api.texts.at(-1)?.text.body).toMatch(/no more messages/)
})

it('Meta: who writes without a number is heard, matches nobody else, and is shown to people', async () => {
  const clinic = await servedByMeta()
  const userId = 'US.13491208655302741918'
  clinic.api.heard.add(userId)
  expect((await clinic.say('STOP', { userId })).status).toBe(200)
  expect(await clinic.decision()).toEqual([])
  expect(clinic.api.texts).toMatchObject([{ recipient: userId, text: { body: expect.stringMatching(/no more/) } }])
  const { answers } = await clinic.answers.list(organizationId)
  expect(answers).toMatchObject([{ kind: 'consent_in_doubt', text: 'STOP', address: userId, recipient: null }])
  const known = await clinic.addresses.get(organizationId, { channel: 'WHATSAPP', address: userId })
  expect(known.suppression).toMatchObject({ cause: 'stop' })
  // Neither a number nor an id.
  expect((await clinic.say('STOP', {})).status).toBe(200)
  expect(clinic.log.lines.some((line) => line.includes('unreadable address left out'))).toBe(true)
})

it.each([
  ['+5531987654321', '553187654321'],
  ['+553187654321', '5531987654321'],
  ['+525512345678', '5215512345678'],
  ['+5491123456789', '5491123456789'],
  ['+541123456789', '5491123456789'],
])('Meta: a refusal by %s counts, though WhatsApp writes it %s', async (phone, number) => {
  const clinic = await servedByMeta(phone)
  clinic.api.heard.add(`+${number}`)
  expect((await clinic.say('STOP', { number })).status).toBe(200)
  expect(await clinic.decision()).toEqual(stopped)
})
