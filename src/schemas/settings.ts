import { z } from 'zod'
import { singleLine } from './common.ts'
import { emailAddress } from './email-address.ts'
import {
  emptyOf,
  type Fields,
  type Flat,
  type InputOf,
  inputOf,
  type NameWith,
  namesWith,
  type ShownOf,
  type ValuesOf,
} from './fields.ts'
import { reminderOffsets } from './offset.ts'
import { countryCode } from './phone-number.ts'
import { smsSender } from './sms-sender.ts'
import { templateSet } from './templates.ts'
import {
  type Channel,
  categories,
  emailSecurities,
  pastReminderPolicies,
  unknownOutcomePolicies,
} from './vocabulary.ts'

const host = z
  .string()
  .max(255)
  .regex(/^[^\s/@\p{Cc}\p{Cs}]+$/u, 'must be a host name or address, without scheme or path')
  .meta({ examples: ['smtp.example.org'] })
const provider = z
  .string()
  .max(50)
  .regex(/^[A-Za-z0-9_-]+$/, 'must be the name of an installed provider')
  .meta({ examples: ['twilio'] })
const username = singleLine(255).meta({ examples: ['notifications@clinic.example'] })
const displayName = singleLine(255).meta({ examples: ['Medical Clinic'] })
const port = z.int().min(1).max(65_535)
const ofPractitioners = z.array(z.enum(categories)).max(categories.length)
const secret = z.string().min(1).max(1024)

const enabled = { schema: z.boolean(), default: true, isColumnDefault: true, isAudited: true, replans: true } as const
const offsets = { ...enabled, schema: reminderOffsets, default: [24, 2] } as const
const templates = { schema: templateSet, default: {} } as const

/** The columns of `notification_settings` that callers write. */
export const settingsFields = {
  /** False: no e-mail to anybody, whatever they prefer. */
  emailEnabled: enabled,
  /** False: no SMS to anybody, whatever they prefer. */
  smsEnabled: enabled,
  /** Null: the organization has no mail server of its own, and is served by the host application's. */
  emailSmtpHost: { schema: host, account: 'EMAIL', replans: true, variable: 'DEFAULT_SMTP_HOST' },
  emailSmtpPort: { schema: port, default: 587, isColumnDefault: true, account: 'EMAIL', variable: 'DEFAULT_SMTP_PORT' },
  /** How the server is spoken to. Null: TLS from the start on port 465, else STARTTLS as the transport decides. */
  emailSmtpSecurity: { schema: z.enum(emailSecurities), account: 'EMAIL', isAudited: true },
  emailUsername: { schema: username, account: 'EMAIL', replans: true, variable: 'DEFAULT_EMAIL_USERNAME' },
  emailPassword: {
    schema: secret,
    account: 'EMAIL',
    isSecret: true,
    replans: true,
    variable: 'DEFAULT_EMAIL_PASSWORD',
  },
  /** Null: the user name, where that is an address. */
  emailFromAddress: { schema: emailAddress, account: 'EMAIL', replans: true, variable: 'DEFAULT_EMAIL_FROM_ADDRESS' },
  emailFromName: { schema: displayName, variable: 'DEFAULT_EMAIL_FROM_NAME' },
  /** The name of a transport, such as `twilio`. Null: the organization is served by the host application's. */
  smsProvider: { schema: provider, account: 'SMS', replans: true, variable: 'DEFAULT_SMS_PROVIDER' },
  /** Of Twilio: the Account SID. */
  smsApiKey: { schema: secret, account: 'SMS', isSecret: true, replans: true, variable: 'DEFAULT_SMS_API_KEY' },
  /** Of Twilio: the auth token. */
  smsApiSecret: { schema: secret, account: 'SMS', isSecret: true, replans: true, variable: 'DEFAULT_SMS_API_SECRET' },
  /** A phone number, a short code or an alphanumeric sender id. */
  smsFromNumber: { schema: smsSender, account: 'SMS', variable: 'DEFAULT_SMS_FROM_NUMBER' },
  /** For recipients who prefer no others; an empty list means no reminders. */
  defaultEmailReminders: offsets,
  /** For recipients who prefer no others; an empty list means no reminders. */
  defaultSmsReminders: offsets,
  /** In place of the built-in texts. */
  emailTemplates: templates,
  /** In place of the built-in texts. */
  smsTemplates: templates,
  /** What becomes of a message that may have been sent or not. */
  unknownOutcome: { schema: z.enum(unknownOutcomePolicies), default: 'retry', isAudited: true },
  /** What becomes of a reminder whose time is past when it is planned. */
  pastReminders: { schema: z.enum(pastReminderPolicies), default: 'skip', isAudited: true, replans: true },
  /** What practitioners are sent. */
  practitionerNotifications: { schema: ofPractitioners, default: [], isAudited: true, replans: true },
  /** The country of phone numbers that are written without a country code (ISO 3166-1 alpha-2). Null: there is none. */
  defaultCountry: { schema: countryCode, isAudited: true, replans: true },
} as const satisfies Fields
export type SettingsFields = typeof settingsFields

export const organizationSettingsInput = inputOf(settingsFields)
/** Organization settings as a caller writes them. Left out: unchanged, or the default on creation; null: the default. */
export type OrganizationSettingsInput = InputOf<SettingsFields>

/** The columns of `notification_settings` a caller may set. Secrets arrive encrypted; null: the documented default or nothing. */
export type SettingsValues = ValuesOf<SettingsFields>
export const emptySettings: SettingsValues = emptyOf(settingsFields)

/** Organization settings as they are shown: secrets are `secretMask` or null. */
export type OrganizationSettings = Flat<
  { readonly id: number; readonly organizationId: string } & ShownOf<SettingsFields> & {
      readonly createdAt: Date
      readonly updatedAt: Date
    }
>

export type SecretField = NameWith<SettingsFields, 'isSecret'>
/** The columns that hold secrets: encrypted at rest, never shown. */
export const secretFields: readonly SecretField[] = namesWith(settingsFields, 'isSecret')

/** The setting with the templates of a channel. */
export const templateField = { EMAIL: 'emailTemplates', SMS: 'smsTemplates' } as const satisfies Record<Channel, string>

/** Both channels, as the templates endpoints show them. */
export const templatesInput = organizationSettingsInput.pick({ emailTemplates: true, smsTemplates: true })
export type Templates = Pick<OrganizationSettings, (typeof templateField)[Channel]>
export type TemplatesInput = Pick<OrganizationSettingsInput, (typeof templateField)[Channel]>
