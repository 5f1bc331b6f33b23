/** Whether an organization's own accounts work, asked of real servers without sending anything. */
import { afterEach, describe, expect, it } from 'vitest'
import { smtp } from '../../adapters/transport/smtp.ts'
import { twilio } from '../../adapters/transport/twilio.ts'
import type { Caller, NotificationsOptions } from '../../src/index.ts'
import { admin, ask, authenticate, otherAdmin, service, viewer } from '../conformance/http/world.ts'
import { openClinic, organizationId } from '../support/clinic.ts'
import { type SmtpTestServer, startSmtpServer } from '../support/smtp-server.ts'
import { startTwilioServer, type TwilioTestServer } from '../support/twilio-server.ts'

const path = `/settings/${organizationId}/verify`
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
    transports: [smtp({ allowPrivateHosts: true }), twilio({ baseUrl: textServer.baseUrl })],
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
  ask(clinic, { method: 'POST', path, caller })

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
        { channel: 'EMAIL', provider: 'smtp', ...fine, fields: [] },
        { channel: 'SMS', provider: 'twilio', ...fine, fields: [] },
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
    await expect.poll(() => textServer.requests.length).toBe(1)
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
