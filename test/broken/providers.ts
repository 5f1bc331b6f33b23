/** The host application's own accounts. */

import { onTestFinished } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { smtp } from '../../adapters/transport/smtp.ts'
import { twilio } from '../../adapters/transport/twilio.ts'
import { ada } from '../support/clinic.ts'
import { freePort } from '../support/free-port.ts'
import { startSmtpServer } from '../support/smtp-server.ts'
import { startTwilioServer, type TwilioServerSettings } from '../support/twilio-server.ts'
import { type BrokenSetUp, openHost } from './host.ts'

const from = { DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.org' }
const at = (port: number) => ({ DEFAULT_SMTP_HOST: '127.0.0.1', DEFAULT_SMTP_PORT: String(port), ...from })
const signIn = { DEFAULT_EMAIL_USERNAME: 'clinic', DEFAULT_EMAIL_PASSWORD: 'canary-password' }

/** A mail server that the clinic may not use as it is set up. */
async function mailServer(settings: Parameters<typeof startSmtpServer>[0] = {}) {
  const server = await startSmtpServer(settings)
  onTestFinished(() => server.close())
  return server
}

const texts = {
  DEFAULT_SMS_PROVIDER: 'twilio',
  DEFAULT_SMS_API_KEY: 'ACcanary0000000000000000000000000a',
  DEFAULT_SMS_API_SECRET: 'canary-token',
  DEFAULT_SMS_FROM_NUMBER: '+14155550100',
}

/** A text to be sent by Twilio. */
async function textBy(settings: TwilioServerSettings, env: Partial<typeof texts> = {}) {
  const server = await startTwilioServer(settings)
  onTestFinished(() => server.close())
  const transports = [twilio({ baseUrl: server.baseUrl })]
  const host = await openHost({ transports, mail: { ...texts, ...env }, isBooked: false })
  host.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z', recipients: [{ ...ada, email: null }] })
  await host.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
  return host
}

export const providers: readonly BrokenSetUp[] = [
  {
    name: 'no transport at all',
    make: () => openHost({ transports: [], mail: null }),
    log: /nothing can be sent.*EMAIL: no transport.*option \\"transports\\"/,
    health:
      /"channel":"EMAIL","provider":null,"status":"degraded","code":"no_transport","message":"[^}]*option \\"transports\\"/,
    status: 'degraded',
  },
  {
    name: 'a default SMS provider without its transport',
    make: () => openHost({ transports: [{ ...capture(), channels: ['EMAIL'] }], mail: texts }),
    log: /not sending.*"channel":"SMS".*no_transport/,
    health: /"channel":"SMS"[^}]*"status":"degraded","code":"no_transport"/,
    status: 'degraded',
  },
  {
    name: 'no SMTP host anywhere',
    make: () => openHost({ mail: null }),
    log: /no provider can send to them.*EMAIL: neither the organization nor the host application has an account/,
    health: /"code":"no_account","message":"[^"]*set DEFAULT_SMTP_HOST and DEFAULT_EMAIL_FROM_ADDRESS/,
    status: 'degraded',
  },
  {
    name: 'no sender of the default account',
    make: () => openHost({ mail: { DEFAULT_SMTP_HOST: 'smtp.example.org', DEFAULT_EMAIL_USERNAME: 'clinic' } }),
    log: /"fault":"no_sender".*"set":"DEFAULT_EMAIL_FROM_ADDRESS"/,
    health: /"status":"degraded","code":"no_sender","message":"[^"]*set DEFAULT_EMAIL_FROM_ADDRESS/,
    status: 'degraded',
  },
  {
    name: 'no auth token of the default SMS account',
    make: () => openHost({ transports: [twilio()], mail: { ...texts, DEFAULT_SMS_API_SECRET: '' } }),
    log: /"fault":"no_credentials".*DEFAULT_SMS_API_SECRET/,
    health: /"code":"no_credentials","message":"[^"]*DEFAULT_SMS_API_SECRET/,
    status: 'degraded',
  },
  {
    name: 'a wrong SMTP port, where nobody listens',
    make: async () => openHost({ mail: at(await freePort()) }),
    log: /account paused.*smtp_connrefused.*Check the host and the port/,
    health: /"organization_id":null,"channel":"EMAIL"[^}]*Check the host and the port/,
    status: 'failing',
  },
  {
    name: 'a wrong SMTP host name',
    make: () => {
      const lookup = () => Promise.reject(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }))
      const mail = { ...at(25), DEFAULT_SMTP_HOST: 'smtp.clinic.invalid' }
      return openHost({ mail, transports: [smtp({ lookup })] })
    },
    log: /account paused.*smtp_dns.*could not be resolved/,
    health: /"code":"smtp_dns","message":"[^"]*could not be resolved/,
    status: 'failing',
  },
  {
    name: 'SMTP credentials that are refused',
    make: async () => {
      const { port } = await mailServer({ credentials: { username: 'clinic', password: 'another' } })
      return openHost({ mail: { ...at(port), ...signIn } })
    },
    log: /account paused.*smtp_535.*Check the user name and the password/,
    health: /"code":"smtp_535","message":"[^"]*Check the user name and the password/,
    status: 'failing',
  },
  {
    name: 'a server that does not offer the TLS that is demanded',
    make: async () => openHost({ mail: at((await mailServer()).port), transports: [smtp({ requireTls: true })] }),
    log: /account paused.*smtp_starttls.*requireTls/,
    health: /"code":"smtp_starttls","message":"[^"]*requireTls/,
    status: 'failing',
  },
  {
    name: 'TLS from the start with a server that speaks in the clear',
    make: async () => {
      const { port } = await mailServer()
      return openHost({ mail: at(port), transports: [smtp({ security: 'implicit' })] })
    },
    log: /account paused.*TLS/,
    health: /"channel":"EMAIL"[^}]*"status":"failing"[^}]*TLS/,
    status: 'failing',
  },
  {
    name: 'a certificate that nobody vouches for',
    make: async () => {
      const { port } = await mailServer({ tls: 'implicit' })
      return openHost({ mail: at(port), transports: [smtp({ security: 'implicit' })] })
    },
    log: /account paused.*smtp_certificate/,
    health: /"code":"smtp_certificate","message":"[^"]*certificate/,
    status: 'failing',
  },
  {
    name: 'a mail account whose quota is used up',
    make: async () => {
      const fault = { at: 'mail', how: { code: 452, text: '4.5.3 Daily sending quota exceeded' } } as const
      return openHost({ mail: at((await mailServer({ fault })).port) })
    },
    log: /account paused.*MAIL FROM/,
    health: /"paused":\[\{"organization_id":null[^}]*MAIL FROM/,
    status: 'failing',
  },
  {
    name: 'Twilio credentials that are refused',
    make: () => textBy({ credentials: { accountSid: 'ACanother', authToken: 'another' } }),
    log: /account paused.*twilio_20003.*credentials/,
    health: /"code":"twilio_20003","message":"Twilio refused the credentials/,
    status: 'failing',
  },
  {
    name: 'an SMS account whose quota is used up',
    make: () => textBy({ refuse: () => 63038 }),
    log: /account paused.*twilio_63038.*daily limit/,
    health: /"paused":\[\{"organization_id":null[^}]*"code":"twilio_63038"[^}]*daily limit/,
    status: 'failing',
  },
  {
    name: 'an Account SID that is none',
    make: () => textBy({}, { DEFAULT_SMS_API_KEY: 'SK0000' }),
    log: /account paused.*twilio_account.*Account SID \(AC/,
    health: /"code":"twilio_account","message":"[^"]*Account SID \(AC/,
    status: 'failing',
  },
  {
    name: 'a sender number that Twilio does not know',
    make: () => textBy({ refuse: () => 21212 }),
    log: /account paused.*twilio_21212.*number of the sender/,
    health: /"code":"twilio_21212","message":"[^"]*number of the sender/,
    status: 'failing',
  },
  {
    name: 'no sender number',
    make: () => textBy({}, { DEFAULT_SMS_FROM_NUMBER: '' }),
    log: /account paused.*twilio_sender.*no sender number/,
    health: /"code":"twilio_sender","message":"[^"]*no sender number/,
    status: 'failing',
  },
  {
    name: 'a sender that may not send to a country',
    make: () => textBy({ refuse: () => 21606 }),
    log: /sender paused.*"destination":"\+1415"/,
    health: /"destination":"\+1415","code":"twilio_21606","message":"The sender cannot send to this destination/,
    status: 'degraded',
  },
]
