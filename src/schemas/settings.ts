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
  emailEnabled: { ...enabled, description: 'False disables e-mail for all recipients. Default true' },
  /** False: no SMS to anybody, whatever they prefer. */
  smsEnabled: { ...enabled, description: 'False disables SMS for all recipients. Default true' },
  /** Null: the organization has no mail server of its own, and is served by the host application's. */
  emailSmtpHost: {
    description:
      'Mail server. Null: the organization has none of its own, and the account of the host application is used',
    schema: host,
    account: 'EMAIL',
    replans: true,
    variable: 'DEFAULT_SMTP_HOST',
  },
  emailSmtpPort: {
    description: 'Port of the mail server. Default 587',
    schema: port,
    default: 587,
    isColumnDefault: true,
    account: 'EMAIL',
    variable: 'DEFAULT_SMTP_PORT',
  },
  /** How the server is spoken to. Null: TLS from the start on port 465, else STARTTLS as the transport decides. */
  emailSmtpSecurity: {
    description: 'Encryption. Null: TLS from the start on port 465, else STARTTLS as the transport decides',
    schema: z.enum(emailSecurities),
    account: 'EMAIL',
    isAudited: true,
  },
  emailUsername: {
    description: 'User name at the mail server. Null: no sign-in',
    schema: username,
    account: 'EMAIL',
    replans: true,
    variable: 'DEFAULT_EMAIL_USERNAME',
  },
  emailPassword: {
    description: 'Password at the mail server. Encrypted at rest; shown as `********`',
    schema: secret,
    account: 'EMAIL',
    isSecret: true,
    replans: true,
    variable: 'DEFAULT_EMAIL_PASSWORD',
  },
  /** Null: the user name, where that is an address. */
  emailFromAddress: {
    description: 'Sender address. Null: the user name, if that is an address',
    schema: emailAddress,
    account: 'EMAIL',
    replans: true,
    variable: 'DEFAULT_EMAIL_FROM_ADDRESS',
  },
  emailFromName: { description: 'Sender name', schema: displayName, variable: 'DEFAULT_EMAIL_FROM_NAME' },
  /** The name of a transport, such as `twilio`. Null: the organization is served by the host application's. */
  smsProvider: {
    description: 'Name of the SMS transport. Null: the account of the host application is used',
    schema: provider,
    account: 'SMS',
    replans: true,
    variable: 'DEFAULT_SMS_PROVIDER',
  },
  /** Of Twilio: the Account SID. */
  smsApiKey: {
    description: 'Key of the SMS account; for Twilio the Account SID. Encrypted at rest; shown as `********`',
    schema: secret,
    account: 'SMS',
    isSecret: true,
    replans: true,
    variable: 'DEFAULT_SMS_API_KEY',
  },
  /** Of Twilio: the auth token. */
  smsApiSecret: {
    description: 'Secret of the SMS account; for Twilio the auth token. Encrypted at rest; shown as `********`',
    schema: secret,
    account: 'SMS',
    isSecret: true,
    replans: true,
    variable: 'DEFAULT_SMS_API_SECRET',
  },
  /** A phone number, a short code or an alphanumeric sender id. */
  smsFromNumber: {
    description:
      'Sender: a phone number, a short code of 3 to 8 digits, or an alphanumeric sender id of up to 11 characters',
    schema: smsSender,
    account: 'SMS',
    variable: 'DEFAULT_SMS_FROM_NUMBER',
  },
  /** For recipients who prefer no others; an empty list means no reminders. */
  defaultEmailReminders: {
    ...offsets,
    description: 'Offsets of e-mail reminders; an empty list means none. Default 24 and 2 hours',
  },
  /** For recipients who prefer no others; an empty list means no reminders. */
  defaultSmsReminders: {
    ...offsets,
    description: 'Offsets of SMS reminders; an empty list means none. Default 24 and 2 hours',
  },
  /** In place of the built-in texts. */
  emailTemplates: { ...templates, description: 'Templates of e-mails. Null removes all of them' },
  /** In place of the built-in texts. */
  smsTemplates: { ...templates, description: 'Templates of SMS messages. Null removes all of them' },
  /** What becomes of a message that may have been sent or not. */
  unknownOutcome: {
    description:
      'What happens to a message that may or may not have been sent: one more attempt, or hold. Default `retry`',
    schema: z.enum(unknownOutcomePolicies),
    default: 'retry',
    isAudited: true,
  },
  /** What becomes of a reminder whose time is past when it is planned. */
  pastReminders: {
    description: 'What happens to a reminder whose time is already past when it is planned. Default `skip`',
    schema: z.enum(pastReminderPolicies),
    default: 'skip',
    isAudited: true,
    replans: true,
  },
  /** What practitioners are sent. */
  practitionerNotifications: {
    description: 'Kinds of messages that practitioners receive. Default none',
    schema: ofPractitioners,
    default: [],
    isAudited: true,
    replans: true,
  },
  /** The country of phone numbers that are written without a country code (ISO 3166-1 alpha-2). Null: there is none. */
  defaultCountry: {
    description: 'Country (ISO 3166-1 alpha-2) of phone numbers without a country code. Null: none',
    schema: countryCode,
    isAudited: true,
    replans: true,
  },
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
