/** What nobody signed is refused, or turned down as unreadable; whatever is in it, no reader believes it or fails of it. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ses, standardWebhooks } from '../../../../adapters/transport/receipts.ts'
import { twilioWebhook } from '../../../../adapters/transport/twilio/webhook.ts'
import { whatsappCloud } from '../../../../adapters/transport/whatsapp-cloud.ts'
import { isNotificationError, type ReceiptReader, type WebhookAccount } from '../../../../src/index.ts'
import { naughtyStrings } from '../../../http/naughty.ts'
import { certificate } from './sns-certificate.ts'

const topic = 'arn:aws:sns:eu-west-1:123456789012:mail'
const credentials = { provider: 'x', apiKey: 'AC1', apiSecret: 'token', appSecret: 'app', verifyToken: 'verify' }
const accountOf = (channel: 'EMAIL' | 'SMS' | 'WHATSAPP'): WebhookAccount => ({
  id: 'account',
  organizationId: null,
  channel,
  accounts: channel === 'EMAIL' ? [] : [channel === 'SMS' ? { channel, ...credentials } : { channel, ...credentials }],
})
const whatsapp = whatsappCloud().receipt
if (whatsapp === undefined) throw new Error('the Cloud API has a webhook')

const readers: Readonly<Record<string, readonly [ReceiptReader, WebhookAccount]>> = {
  SES: [ses({ topics: [topic], fetch: async () => new Response(certificate) }), accountOf('EMAIL')],
  'Standard Webhooks': [standardWebhooks({ secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'] }), accountOf('EMAIL')],
  'Twilio, SMS': [twilioWebhook(), accountOf('SMS')],
  'Twilio, WhatsApp': [twilioWebhook(), accountOf('WHATSAPP')],
  'WhatsApp Cloud API': [whatsapp, accountOf('WHATSAPP')],
}

const odd = fc.oneof(
  fc.constantFrom('constructor', '__proto__', 'toString', '', 'v1,', 'sha256=', '1', '2'),
  fc.constantFrom(...naughtyStrings),
  fc.string({ unit: 'binary', maxLength: 40 }),
)
const mostly = (...right: readonly string[]) =>
  fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...right) }, { weight: 1, arbitrary: odd })
/** An envelope of SNS that is right but for some fields, and a signature. */
const envelope = fc
  .record(
    {
      Type: mostly('Notification', 'SubscriptionConfirmation', 'UnsubscribeConfirmation'),
      TopicArn: mostly(topic),
      SigningCertURL: mostly('https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-01.pem'),
      SignatureVersion: fc.oneof(fc.constantFrom('1', '2'), odd),
      Timestamp: mostly('2026-12-01T11:59:58.000Z'),
      Signature: fc.oneof(odd, fc.base64String()),
      Message: odd,
      MessageId: odd,
      Token: odd,
      SubscribeURL: odd,
    },
    { requiredKeys: ['Type', 'TopicArn', 'SigningCertURL', 'SignatureVersion'] },
  )
  .map((fields) => JSON.stringify(fields))
const form = fc.array(fc.tuple(odd, odd), { maxLength: 8 }).map((pairs) => String(new URLSearchParams(pairs)))
const body = fc
  .oneof({ weight: 3, arbitrary: envelope }, form, fc.json(), odd)
  .map((text) => Buffer.from(text))
  .chain((bytes) => fc.oneof({ weight: 9, arbitrary: fc.constant(bytes) }, fc.uint8Array({ maxLength: 60 })))
const names = [
  ...['content-type', 'x-twilio-signature', 'x-hub-signature-256', 'x-amz-sns-message-type'],
  ...['webhook-id', 'webhook-timestamp', 'webhook-signature'],
] as const
const header = fc.oneof(odd, fc.constantFrom('application/x-www-form-urlencoded', '1796126400', 'v1,AAAA'))
const request = fc.record({
  method: fc.constantFrom('GET' as const, 'POST' as const),
  url: fc.constantFrom('https://clinic.example/hook', 'https://clinic.example:443/hook?bodySHA256=x', 'not a URL', ''),
  query: fc.oneof(
    form,
    odd.map(
      (token) => `hub.mode=subscribe&hub.challenge=7&hub.verify_token=${encodeURIComponent(token.toWellFormed())}`,
    ),
  ),
  headers: fc.record(Object.fromEntries(names.map((name) => [name, header])), { requiredKeys: [] }),
  body,
})

test.each(Object.entries(readers))('%s', async (_name, [read, account]) => {
  await fc.assert(
    fc.asyncProperty(request, async (given) => {
      const now = new Date('2026-12-01T12:00:00Z')
      const reading = await read({ ...given, now, signal: new AbortController().signal }, account).catch(
        (error) => error,
      )
      if (isNotificationError(reading)) expect(reading.status).toBeLessThan(500)
      else expect(reading).toMatchObject({ kind: 'refused' })
    }),
    { numRuns: 1000 },
  )
})
