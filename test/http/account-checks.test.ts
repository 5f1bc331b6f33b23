/** Whether an organization's own accounts work, asked of real servers without sending anything. */
import { afterEach, describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { smtp } from '../../adapters/transport/smtp.ts'
import { twilio } from '../../adapters/transport/twilio.ts'
import { type Caller, type NotificationsOptions, TransportError } from '../../src/index.ts'
import { admin, ask, authenticate, otherAdmin, service, viewer } from '../conformance/http/world.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { type SmtpTestServer, startSmtpServer } from '../support/smtp-server.ts'
import { startTwilioServer, type TwilioTestServer } from '../support/twilio-server.ts'

const mail = { username: 'clinic@example.org', password: 'right-password' }
const texts = { accountSid: `AC${'1'.repeat(32)}`, authToken: 'right-token' }

let mailServer: SmtpTestServer
let textServer: TwilioTestServer
const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function openWith(options: Partial<NotificationsOptions> = {}) {
  mailServer = await startSmtpServer({ credentials: mail })
  textServer = await startTwilioServer({ credentials: texts })
  open.push(mailServer.close, textServer.close)
  const clinic = await openClinic('2026-03-18T12:00:00Z', {
    authenticate,
    transports: [
      smtp({ allowPrivateHosts: true }),
      twilio({ baseUrl: textServer.baseUrl, statusCallback: 'https://clinic.example/sms' }),
    ],
    ...options,
  })
  open.push(() => clinic[Symbol.asyncDispose]())
  return clinic
}

const account = () => ({
  emailSmtpHost: '127.0.0.1',
  emailSmtpPort: mailServer.port,
  emailUsername: mail.username,
  emailPassword: mail.password,
  smsProvider: 'twilio',
  smsApiKey: texts.accountSid,
  smsApiSecret: texts.authToken,
  smsFromNumber: '+14155550100',
})

const verify = (clinic: Parameters<typeof ask>[0], caller: Caller | null = admin) =>
  ask(clinic, { method: 'POST', path: `/settings/${organizationId}/verify`, caller })

describe('POST /settings/{organization_id}/verify', () => {
  it('signs in with the own accounts, and sends nothing', async () => {
    const clinic = await openWith()
    await clinic.settings.createOrganizationSettings(organizationId, account())
    const { status, answer } = await verify(clinic)
    expect(status).toBe(200)
    const fine = { source: 'organization', status: 'ok', code: null, message: 'The provider accepted the account.' }
    expect(answer).toEqual({
      organization_id: organizationId,
      channels: [
        { channel: 'EMAIL', account_id: expect.stringMatching(/-email$/), provider: 'smtp', ...fine, fields: [] },
        { channel: 'SMS', account_id: expect.stringMatching(/-sms$/), provider: 'twilio', ...fine, fields: [] },
      ],
    })
    expect([mailServer.connections.total, mailServer.mails]).toEqual([1, []])
    expect(textServer.requests).toEqual([`GET /2010-04-01/Accounts/${texts.accountSid}.json`])
  })

  it('says in words which credentials are refused, and repeats none of them', async () => {
    const clinic = await openWith()
    const wrong = { emailPassword: 'wrong-password', smsApiSecret: 'wrong-token' }
    await clinic.settings.createOrganizationSettings(organizationId, { ...account(), ...wrong })
    const { status, answer, text } = await verify(clinic)
    expect([status, answer]).toMatchObject([
      200,
      {
        channels: [
          {
            status: 'failing',
            code: 'smtp_535',
            message: 'The mail server answered 535 to AUTH. Check the user name and the password.',
            fields: ['email_smtp_host', 'email_smtp_port', 'email_username', 'email_password'],
          },
          {
            status: 'failing',
            code: 'twilio_20003',
            message: 'Twilio refused the credentials (HTTP 401).',
            fields: ['sms_provider', 'sms_api_key', 'sms_api_secret', 'sms_from_number'],
          },
        ],
      },
    ])
    for (const secret of [...Object.values(wrong), mail.username, texts.accountSid]) expect(text).not.toContain(secret)
  })

  it('refuses private hosts as sending does, and names the setting', async () => {
    const clinic = await openWith({ transports: [smtp()] })
    const { emailUsername, emailPassword } = account()
    const hidden = { emailSmtpHost: 'localhost', emailUsername, emailPassword }
    await clinic.settings.createOrganizationSettings(organizationId, hidden)
    const { answer } = await verify(clinic)
    expect(answer).toMatchObject({
      channels: [
        {
          status: 'failing',
          code: 'outbound_refused',
          message: expect.stringContaining('private'),
          fields: ['email_smtp_host'],
        },
        { channel: 'SMS', status: 'unchecked', code: 'no_transport' },
      ],
    })
    expect(mailServer.connections.total).toBe(0)
  })

  it('gives up a silent server after ten seconds, and the other channel is checked all the same', async () => {
    const clinic = await openWith()
    await clinic.settings.createOrganizationSettings(organizationId, account())
    mailServer.fault = { at: 'connect', how: 'silent' }
    const asked = verify(clinic)
    await expect.poll(() => mailServer.connections.open).toBe(1)
    await expect.poll(() => textServer.answered).toBe(1)
    await clinic.clock.advance(10_000)
    const { answer } = await asked
    expect(answer).toMatchObject({
      channels: [
        { status: 'failing', code: 'timeout', message: 'The provider did not answer within 10000 ms.' },
        { channel: 'SMS', status: 'ok' },
      ],
    })
  })

  it('says whose account is used where the organization has none, and does not check that one', async () => {
    const clinic = await openWith({
      env: { DEFAULT_SMTP_HOST: '127.0.0.1', DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.org' },
    })
    expect(await clinic.settings.verifyAccounts(organizationId)).toEqual([
      {
        channel: 'EMAIL',
        accountId: expect.stringMatching(/-email$/),
        provider: 'smtp',
        source: 'default',
        status: 'unchecked',
        code: null,
        message:
          'The organization has no account of its own for e-mail; the default account of the host application is used.',
        fields: [],
      },
      {
        channel: 'SMS',
        accountId: null,
        provider: null,
        source: null,
        status: 'unchecked',
        code: 'no_account',
        message: expect.stringContaining('neither the organization nor the host application has an account'),
        fields: ['smsProvider'],
      },
    ])
    expect(mailServer.connections.total).toBe(0)
  })

  it('says what an account lacks that is begun', async () => {
    const clinic = await openWith()
    await clinic.settings.createOrganizationSettings(organizationId, { smsProvider: 'twilio', emailUsername: 'clinic' })
    expect(await clinic.settings.verifyAccounts(organizationId)).toMatchObject([
      { channel: 'EMAIL', status: 'failing', code: 'no_host', fields: ['emailSmtpHost'] },
      { channel: 'SMS', status: 'failing', code: 'no_credentials', fields: ['smsApiSecret'] },
    ])
  })

  it('is for services and admins of the organization', async () => {
    const clinic = await openWith()
    await clinic.settings.createOrganizationSettings(organizationId, account())
    const statusFor = async (caller: Caller | null) => (await verify(clinic, caller)).status
    expect(await statusFor(service)).toBe(200)
    expect(await statusFor(viewer)).toBe(403)
    expect(await statusFor(otherAdmin)).toBe(404)
    expect(await statusFor(null)).toBe(401)
    expect(mailServer.connections.total).toBe(1)
  })
})

const reached: Caller = {
  kind: 'staff',
  organizationId,
  role: 'admin',
  id: 7,
  email: 'admin@example.org',
  phone: '(415) 555-0177',
}
type Asked = { readonly channel?: string; readonly to?: string }
const sendTest = (clinic: Parameters<typeof ask>[0], caller: Caller | null, body: Asked = {}, key?: string) =>
  ask(clinic, {
    method: 'POST',
    path: `/settings/${organizationId}/test`,
    body,
    caller,
    ...(key !== undefined && { headers: { 'idempotency-key': key } }),
  })

describe('POST /settings/{organization_id}/test', () => {
  it('sends a message that says it is a test to the caller, by e-mail unless asked otherwise, and audits it', async () => {
    const clinic = await openWith()
    await clinic.settings.createOrganizationSettings(organizationId, { ...account(), defaultCountry: 'US' })
    const mailed = await sendTest(clinic, reached)
    expect([mailed.status, mailed.answer]).toEqual([
      201,
      {
        organization_id: organizationId,
        channel: 'EMAIL',
        account_id: expect.stringMatching(/-email$/),
        provider: 'smtp',
        source: 'organization',
        result: 'sent',
        code: null,
        message: 'The provider accepted the message.',
        fields: [],
      },
    ])
    expect(mailServer.mails).toMatchObject([{ to: ['admin@example.org'], subject: 'Test message' }])
    expect(mailServer.mails[0]?.text).toMatch(/^This is a test message from /)
    expect(await sendTest(clinic, reached, { channel: 'SMS' })).toMatchObject({
      status: 201,
      answer: { result: 'sent' },
    })
    expect(textServer.messages).toMatchObject([
      {
        to: '+14155550177',
        from: '+14155550100',
        statusCallback: null,
        body: expect.stringMatching(/^This is a test message from /),
      },
    ])
    const audit = await ask(clinic, {
      method: 'GET',
      path: `/audit/${organizationId}?action=test_message.sent`,
      caller: service,
    })
    const entry = {
      actor_kind: 'staff',
      actor_id: 7,
      target_type: 'organization',
      target_id: organizationId,
      outcome: 'sent',
    }
    expect(audit.answer).toMatchObject({
      entries: [
        { ...entry, channel: 'SMS' },
        { ...entry, channel: 'EMAIL' },
      ],
    })
    expect(audit.text).not.toMatch(/admin@|5550177/)
    expect(await clinic.notifications.history({ state: 'all' })).toMatchObject({ total: 0 })
  })

  it('sends nothing without a usable contact of the caller, and never to an address of the request', async () => {
    const clinic = await openWith()
    await clinic.settings.createOrganizationSettings(organizationId, account())
    const { email: _email, ...unknown } = reached
    const refusals = [
      [await sendTest(clinic, unknown), /no contact to send a test message by e-mail to.*"authenticate"/],
      [await sendTest(clinic, { ...reached, email: null }), /no contact/],
      [await sendTest(clinic, { ...reached, email: 'nobody' }), /cannot be used: it has no @/],
      [await sendTest(clinic, reached, { to: 'stranger@example.org' }), /to is not a known field/],
      [await sendTest(clinic, { kind: 'service' }), /no contact/],
      [await sendTest(clinic, reached, { channel: 'FAX' }), /channel must be/],
    ] as const
    for (const [{ status, answer }, words] of refusals) {
      expect([status, answer]).toEqual([
        422,
        expect.objectContaining({ code: 'invalid_input', detail: expect.stringMatching(words) }),
      ])
    }
    expect(mailServer.connections.total).toBe(0)
  })

  it('returns in words what the provider refuses, and audits that too', async () => {
    const clinic = await openWith()
    await clinic.settings.createOrganizationSettings(organizationId, { ...account(), emailPassword: 'wrong-password' })
    const { status, answer, text } = await sendTest(clinic, reached)
    expect([status, answer]).toMatchObject([
      201,
      {
        result: 'failed',
        code: 'smtp_535',
        message: 'The mail server answered 535 to AUTH. Check the user name and the password.',
        fields: ['email_smtp_host', 'email_smtp_port', 'email_username', 'email_password'],
      },
    ])
    expect(text).not.toMatch(/wrong-password|admin@/)
    const [entry] = (await clinic.audit.list(organizationId, { action: 'test_message.sent' })).entries
    expect(entry?.detail).toEqual({ channel: 'EMAIL', outcome: 'failed', reason: 'smtp_535' })
  })

  it('reports an unknown outcome where the server kept the message and never confirmed it', async () => {
    const clinic = await openWith()
    await clinic.settings.createOrganizationSettings(organizationId, account())
    mailServer.fault = { at: 'accepted', how: 'silent' }
    const asked = sendTest(clinic, reached)
    await expect.poll(() => mailServer.mails.length).toBe(1)
    await clinic.clock.advance(30_000)
    const { answer } = await asked
    const message = 'The provider did not answer within 30000 ms.'
    expect(answer).toMatchObject({ result: 'unknown', code: 'timeout', message })
  })

  it('sends nothing to an address that opted out', async () => {
    const optedOut = new TransportError('Opted out.', { outcome: 'suppressed', code: 'opted_out' })
    const outbox = capture({ fail: ({ category }) => (category === 'TEST' ? null : optedOut) })
    const clinic = await openWith({ transports: [outbox] })
    clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z', recipients: [{ ...ada, phone: null }] })
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.settle()
    const test = (email: string) => clinic.settings.sendTestMessage(organizationId, { email })
    expect(await test('ADA@example.org')).toMatchObject({ result: 'failed', code: 'suppressed' })
    expect(outbox.sent).toEqual([])
    expect(await test('grace@example.org')).toMatchObject({ result: 'sent', provider: 'capture' })
    expect(outbox.sent).toMatchObject([{ to: 'grace@example.org', category: 'TEST' }])
  })

  it('sends once for an idempotency key', async () => {
    const clinic = await openWith()
    await clinic.settings.createOrganizationSettings(organizationId, account())
    const first = await sendTest(clinic, reached, {}, 'key-1')
    const second = await sendTest(clinic, reached, {}, 'key-1')
    expect([second.status, second.text, second.headers['idempotency-replayed']]).toEqual([201, first.text, 'true'])
    expect(mailServer.mails).toHaveLength(1)
    await sendTest(clinic, reached, {}, 'key-2')
    expect(mailServer.mails).toHaveLength(2)
  })

  it('refuses private hosts as sending does, and says where there is no account', async () => {
    const clinic = await openWith({ transports: [smtp(), twilio()] })
    const { emailUsername, emailPassword } = account()
    const hidden = { emailSmtpHost: 'localhost', emailUsername, emailPassword }
    await clinic.settings.createOrganizationSettings(organizationId, { ...hidden, defaultCountry: 'US' })
    const refused = await sendTest(clinic, reached)
    expect(refused.answer).toMatchObject({ result: 'failed', code: 'outbound_refused', fields: ['email_smtp_host'] })
    const missing = await sendTest(clinic, reached, { channel: 'SMS' })
    expect(missing.answer).toMatchObject({ result: 'failed', code: 'no_account', fields: ['sms_provider'] })
    expect(mailServer.connections.total).toBe(0)
  })

  it('is for services and admins of the organization, and counts as sending', async () => {
    const clinic = await openWith({ rateLimits: { sending: { points: 1, durationSeconds: 60 } } })
    await clinic.settings.createOrganizationSettings(organizationId, account())
    expect((await sendTest(clinic, viewer)).status).toBe(403)
    expect((await sendTest(clinic, otherAdmin)).status).toBe(404)
    expect((await sendTest(clinic, null)).status).toBe(401)
    expect((await sendTest(clinic, service)).status).toBe(201)
    expect((await sendTest(clinic, reached)).status).toBe(201)
    expect((await sendTest(clinic, reached)).status).toBe(429)
    expect(mailServer.mails).toHaveLength(2)
  })
})
