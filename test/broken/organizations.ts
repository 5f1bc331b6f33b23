/** Accounts and settings of organizations. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { onTestFinished } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { capture } from '../../adapters/transport/capture.ts'
import { smtp } from '../../adapters/transport/smtp.ts'
import { twilio } from '../../adapters/transport/twilio.ts'
import type { OrganizationSettingsInput } from '../../src/index.ts'
import { organizationId } from '../support/clinic.ts'
import { keyOf } from '../support/keys.ts'
import { startSmtpServer } from '../support/smtp-server.ts'
import { type BrokenSetUp, folder, type HostOptions, openHost } from './host.ts'

const own = {
  emailSmtpHost: '127.0.0.1',
  emailUsername: 'clinic',
  emailPassword: 'canary-password',
  emailFromAddress: 'clinic@example.org',
}

/** An organization whose settings were saved so. */
async function organization(settings: OrganizationSettingsInput, options: HostOptions = {}) {
  const host = await openHost({ mail: null, ...options, isBooked: false })
  await host.settings.createOrganizationSettings(organizationId, settings)
  await host.remind()
  await host.health()
  return host
}

/** A database in which another process stored credentials, under the key of the tests. */
async function withStoredCredentials(options: HostOptions) {
  const path = join(await folder(), 'rows.sqlite')
  const before = await openHost({ storage: sqlite(path), mail: null, isBooked: false, isStarted: false })
  await before.settings.createOrganizationSettings(organizationId, own)
  await before.stop()
  return openHost({ storage: sqlite(path), mail: null, ...options })
}

export const organizations: readonly BrokenSetUp[] = [
  {
    name: 'an organization without an SMTP host',
    make: () => organization({ ...own, emailSmtpHost: null }),
    log: /account cannot be used.*"code":"no_host".*without an SMTP host|account cannot be used.*"code":"no_host"/,
    health: new RegExp(`"settings":\\{"count":1,"faults":\\[\\{"organization_id":"${organizationId}"[^}]*"no_host"`),
    status: 'degraded',
  },
  {
    name: 'an organization without a sender',
    make: () => organization({ ...own, emailFromAddress: null }),
    log: /account cannot be used.*"code":"no_sender".*sender address/,
    health: /"code":"no_sender","message":"the account has no sender address/,
    status: 'degraded',
  },
  {
    name: 'an organization without an SMS secret',
    make: () => organization({ smsProvider: 'twilio', smsApiKey: 'AC1' }, { transports: [twilio()] }),
    log: /account cannot be used.*"channel":"SMS","code":"no_credentials".*secret/,
    health: /"channel":"SMS","code":"no_credentials","message":"[^"]*secret/,
    status: 'degraded',
  },
  {
    name: 'no encryption key, and stored credentials',
    make: () => withStoredCredentials({ encryptionKey: [], publicUrl: undefined }),
    log: /account cannot be used.*encryption_key_missing.*option \\"encryptionKey\\"/,
    health: /"code":"encryption_key_missing","message":"[^}]*option \\"encryptionKey\\"/,
    status: 'degraded',
  },
  {
    name: 'a changed encryption key',
    make: () => withStoredCredentials({ encryptionKey: keyOf(9) }),
    log: /account cannot be used.*provider_unreadable.*option \\"encryptionKey\\"/,
    health: /"code":"provider_unreadable","message":"[^}]*option \\"encryptionKey\\"/,
    status: 'degraded',
  },
  {
    name: 'a mail host that leads to a private network',
    make: () => {
      const transports = [smtp({ lookup: async () => [{ address: '10.0.0.5' }] })]
      return organization({ ...own, emailSmtpHost: 'mail.clinic.example' }, { transports })
    },
    log: /account paused.*outbound_refused.*private/,
    health: /"code":"outbound_refused","message":"[^"]*private/,
    status: 'degraded',
  },
  {
    name: 'credentials of an organization that are refused',
    make: async () => {
      const server = await startSmtpServer({ credentials: { username: 'clinic', password: 'another' } })
      onTestFinished(() => server.close())
      return organization({ ...own, emailSmtpPort: server.port })
    },
    log: new RegExp(`account paused.*${organizationId}.*smtp_535.*password`),
    health: new RegExp(`"paused":\\[\\{"organization_id":"${organizationId}"[^}]*Check the user name and the password`),
    status: 'degraded',
  },
  {
    name: 'a channel disabled while reminders are planned',
    make: async () => {
      const host = await organization({ emailEnabled: true }, { transports: [capture()] })
      await host.settings.updateOrganizationSettings(organizationId, { emailEnabled: false })
      return host
    },
    log: new RegExp(`disabled a channel.*${organizationId}.*"channel":"EMAIL"`),
    health: new RegExp(`disabled a channel[^}]*channel: EMAIL","organization_id":"${organizationId}"`),
    status: 'ok',
  },
  {
    name: 'a stored template that cannot be rendered',
    make: async () => {
      const path = join(await folder(), 'rows.sqlite')
      const host = await openHost({ storage: sqlite(path), isBooked: false })
      await host.settings.createOrganizationSettings(organizationId, {})
      const database = new Database(path)
      database.exec(`update notification_settings set email_templates = '{"appointment_reminder":"At {tme}"}'`)
      database.close()
      await host.remind()
      return host
    },
    log: new RegExp(`template broken.*${organizationId}.*appointment_reminder.*tme`),
    health: new RegExp(`template broken.*appointment_reminder.*"organization_id":"${organizationId}"`),
    status: 'ok',
  },
  {
    name: 'a daily cap that is reached',
    make: async () => {
      const host = await openHost({ sendCap: { perDay: 1 } })
      for (let time = 0; time < 3; time += 1) {
        await host.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
        // It is begun before the next, which would replace it.
        await host.clock.advance(1000)
      }
      return host
    },
    log: new RegExp(`daily send cap reached.*${organizationId}`),
    health: new RegExp(`daily send cap reached[^}]*"organization_id":"${organizationId}"`),
    status: 'ok',
  },
]
