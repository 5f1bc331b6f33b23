/** What AWS End User Messaging reports, through the library: the webhook of an account, and what becomes of its message. */
import { afterEach, expect, it } from 'vitest'
import { awsSms } from '../../../adapters/transport/aws-sms.ts'
import { startAwsServer } from '../../support/aws-server.ts'
import { ada, openClinic, organizationId } from '../../support/clinic.ts'
import { canaries, keys } from './aws-fixture.ts'
import { certificate } from './receipts/sns-certificate.ts'
import { signed } from './receipts/sns-signed.ts'

const topic = 'arn:aws:sns:eu-west-1:123456789012:texts'
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** An organization that sends by its own account of AWS, and what is reported of its one text. */
async function texted(byHost = false) {
  const api = await startAwsServer({ keys })
  const transport = awsSms({
    endpoint: api.endpoint,
    receipts: { topics: () => [topic], fetch: async () => new Response(certificate) },
  })
  const account = {
    DEFAULT_SMS_PROVIDER: 'aws_sms',
    DEFAULT_SMS_API_KEY: canaries.accessKeyId,
    DEFAULT_SMS_API_SECRET: canaries.secretAccessKey,
    DEFAULT_SMS_REGION: 'eu-west-1',
    DEFAULT_SMS_CONFIGURATION_SET: 'hosts',
  }
  const clinic = await openClinic('2026-12-01T12:00:00Z', {
    transports: [transport],
    publicUrl: 'https://clinic.example/n',
    env: byHost ? account : {},
  })
  closing.push(api.close, () => clinic[Symbol.asyncDispose]())
  const { warnings } = await clinic.settings.createOrganizationSettings(
    organizationId,
    byHost
      ? { quietHours: [] }
      : {
          quietHours: [],
          smsProvider: 'AWS_SMS',
          smsApiKey: canaries.accessKeyId,
          smsApiSecret: canaries.secretAccessKey,
          smsFromNumber: '+14155550100',
          channels: { sms: { account: { region: 'eu-west-1', configurationSet: 'appointments' } } },
        },
  )
  await clinic.start()
  clinic.host.book({ id: 1, startsAt: '2026-12-01T14:00:00Z', recipients: [{ ...ada, email: null }] })
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
  const row = async () => {
    const { notifications } = await clinic.notifications.history({ state: 'all' })
    const [found] = notifications
    if (found === undefined) throw new Error('there is no message')
    return found
  }
  await expect.poll(row).toMatchObject({ status: 'SENT' })
  const { channels } = await clinic.settings.effectiveSettings(organizationId)
  const accountId = channels.SMS.accounts[0]?.accountId
  async function report(event: object, { topicArn = topic } = {}) {
    const [message] = api.messages
    await clinic.clock.advanceTo('2026-12-01T12:00:07Z')
    const full = {
      ...{ eventVersion: '1.0', eventTimestamp: Date.parse('2026-12-01T12:00:05Z'), isFinal: true },
      ...{ destinationPhoneNumber: ada.phone, messageId: message?.id, context: message?.input['Context'], ...event },
    }
    const fields = {
      ...{ Type: 'Notification', MessageId: 'one', TopicArn: topicArn, Timestamp: '2026-12-01T12:00:06.000Z' },
      Message: JSON.stringify(full),
    }
    const body = Buffer.from(JSON.stringify(signed(fields, '2')))
    const answer = await clinic.handle({
      ...{ method: 'POST', path: `/webhooks/aws_sms/${accountId}`, query: '', native: {} },
      headers: { 'content-type': 'text/plain; charset=UTF-8' },
      readBody: async () => ({ kind: 'bytes', bytes: body }),
    })
    return answer.status
  }
  return { ...clinic, api, row, report, warnings }
}

it('sends by the account of the settings, until the appointment starts', async () => {
  const { api, warnings } = await texted()
  expect(warnings).toEqual([])
  expect(api.messages).toMatchObject([{ accessKeyId: canaries.accessKeyId, region: 'eu-west-1' }])
  expect(api.messages[0]?.input).toMatchObject({
    ...{ OriginationIdentity: '+14155550100', ConfigurationSetName: 'appointments', TimeToLive: 7200 },
    Context: { notification: '1' },
  })
})

it.each([false, true])('knows what arrived, by an account of the host application: %s', async (byHost) => {
  const { report, row, api } = await texted(byHost)
  if (byHost) expect(api.messages[0]?.input['ConfigurationSetName']).toBe('hosts')
  expect(await report({ eventType: 'TEXT_DELIVERED' }, { topicArn: `${topic}-of-others` })).toBe(403)
  expect(await row()).toMatchObject({ status: 'SENT' })
  expect(await report({ eventType: 'TEXT_DELIVERED' })).toBe(200)
  expect(await row()).toMatchObject({ status: 'DELIVERED', deliveredAt: new Date('2026-12-01T12:00:05Z') })
})

type Row = readonly [eventType: string, event: object, expected: object]
const rows: readonly Row[] = [
  ['TEXT_QUEUED', { isFinal: false }, { status: 'SENT', deliveryDetail: null }],
  ['TEXT_SUCCESSFUL', { isFinal: false }, { status: 'SENT' }],
  ['TEXT_SUCCESSFUL', {}, { status: 'DELIVERED' }],
  ['TEXT_UNKNOWN', {}, { status: 'SENT', deliveryDetail: null }],
  ['TEXT_INVALID', {}, { status: 'FAILED', errorCode: 'aws_text_invalid' }],
  ['TEXT_CARRIER_BLOCKED', {}, { status: 'FAILED', errorCode: 'aws_text_carrier_blocked' }],
  ['TEXT_SPAM', {}, { status: 'FAILED', errorCode: 'aws_text_spam' }],
  ['TEXT_TTL_EXPIRED', {}, { status: 'FAILED', errorCode: 'aws_text_ttl_expired' }],
  // Tried again: the phone may be on by then.
  ['TEXT_UNREACHABLE', {}, { status: null }],
  // Of another attempt, or to somebody else.
  ['TEXT_SPAM', { messageId: 'another' }, { status: 'SENT' }],
  ['TEXT_SPAM', { destinationPhoneNumber: '+14155550999' }, { status: 'SENT' }],
  ['constructor', {}, { status: 'SENT' }],
]

it.each(rows)('%s %j: %j', async (eventType, event, expected) => {
  const { report, row } = await texted()
  expect(await report({ eventType, ...event })).toBe(200)
  expect(await row()).toMatchObject(expected)
})

it('suppresses the number of somebody who opted out', async () => {
  const { report, row, addresses } = await texted()
  await report({ eventType: 'TEXT_BLOCKED', messageStatusDescription: 'Phone number is opted out' })
  expect(await row()).toMatchObject({ status: 'FAILED', errorCode: 'aws_text_blocked' })
  expect(await addresses.get(organizationId, { channel: 'SMS', address: ada.phone ?? '' })).toMatchObject({
    suppression: { cause: 'stop' },
  })
})

it('warns of an account without a region when it is saved', async () => {
  const { settings } = await texted(true)
  const { warnings } = await settings.updateOrganizationSettings(organizationId, {
    ...{ smsProvider: 'aws_sms', smsApiKey: canaries.accessKeyId, smsApiSecret: canaries.secretAccessKey },
  })
  expect(warnings).toMatchObject([{ field: 'channels.sms.account.region', code: 'aws_region' }])
  const wrong = settings.updateOrganizationSettings(organizationId, {
    channels: { sms: { account: { region: 'evil.example/' } } },
  })
  await expect(wrong).rejects.toMatchObject({ code: 'invalid_input' })
})

it("serves an organization by the host application's account without a key, and no organization's own", async () => {
  await using clinic = await openClinic('2026-12-01T12:00:00Z', {
    transports: [awsSms({ endpoint: 'http://127.0.0.1:1' })],
    env: { DEFAULT_SMS_PROVIDER: 'aws_sms' },
  })
  const source = async () => {
    const { channels } = await clinic.settings.effectiveSettings(organizationId)
    return [channels.SMS.source, channels.SMS.fault]
  }
  expect(await source()).toEqual(['default', null])
  await clinic.settings.createOrganizationSettings(organizationId, {
    ...{ smsProvider: 'aws_sms', channels: { sms: { account: { region: 'eu-west-1' } } } },
  })
  expect(await source()).toMatchObject([null, 'no_credentials'])
})
