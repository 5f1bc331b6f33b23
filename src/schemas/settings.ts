import { z } from 'zod'
import { singleLine } from './common.ts'
import { emailAddress } from './email-address.ts'
import { type OffsetInput, reminderOffsets } from './offset.ts'
import { type Country, countryCode } from './phone-number.ts'
import { smsSender } from './sms-sender.ts'
import { type TemplateSet, templateSet } from './templates.ts'
import type { EmailSecurity, PastReminderPolicy, UnknownOutcomePolicy } from './vocabulary.ts'
import {
  type Category,
  categories,
  emailSecurities,
  pastReminderPolicies,
  unknownOutcomePolicies,
} from './vocabulary.ts'

/** What a GET shows in place of a secret that is set; sent back, it changes nothing. */
export const secretMask = '********'

/** The columns that hold secrets: encrypted at rest, never shown. */
export const secretFields = ['emailPassword', 'smsApiKey', 'smsApiSecret'] as const
export type SecretField = (typeof secretFields)[number]

const host = z
  .string()
  .max(255)
  .regex(/^[^\s/@\p{Cc}\p{Cs}]+$/u, 'must be a host name or address, without scheme or path')
  .meta({ examples: ['smtp.example.org'] })
const offsets = reminderOffsets.nullable().optional()
const flag = z.boolean().nullable().optional()
const secret = z.string().min(1).max(1024).nullable().optional()

/** Organization settings as a caller writes them. Left out: unchanged, or the default on creation; null: the default. */
export const organizationSettingsInput = z.strictObject({
  emailEnabled: flag.describe('False disables e-mail for all recipients. Default true'),
  smsEnabled: flag.describe('False disables SMS for all recipients. Default true'),
  emailSmtpHost: host
    .nullable()
    .optional()
    .describe(
      'Mail server. Null: the organization has none of its own, and the account of the host application is used',
    ),
  emailSmtpPort: z.int().min(1).max(65_535).nullable().optional().describe('Port of the mail server. Default 587'),
  emailSmtpSecurity: z
    .enum(emailSecurities)
    .nullable()
    .optional()
    .describe('Encryption. Null: TLS from the start on port 465, else STARTTLS as the transport decides'),
  emailUsername: singleLine(255)
    .meta({ examples: ['notifications@clinic.example'] })
    .nullable()
    .optional()
    .describe('User name at the mail server. Null: no sign-in'),
  emailPassword: secret.describe('Password at the mail server. Encrypted at rest; shown as `********`'),
  emailFromAddress: emailAddress
    .nullable()
    .optional()
    .describe('Sender address. Null: the user name, if that is an address'),
  emailFromName: singleLine(255)
    .meta({ examples: ['Medical Clinic'] })
    .nullable()
    .optional()
    .describe('Sender name'),
  smsProvider: z
    .string()
    .max(50)
    .regex(/^[A-Za-z0-9_-]+$/, 'must be the name of an installed provider')
    .meta({ examples: ['twilio'] })
    .nullable()
    .optional()
    .describe('Name of the SMS transport. Null: the account of the host application is used'),
  smsApiKey: secret.describe(
    'Key of the SMS account; for Twilio the Account SID. Encrypted at rest; shown as `********`',
  ),
  smsApiSecret: secret.describe(
    'Secret of the SMS account; for Twilio the auth token. Encrypted at rest; shown as `********`',
  ),
  smsFromNumber: smsSender
    .nullable()
    .optional()
    .describe(
      'Sender: a phone number, a short code of 3 to 8 digits, or an alphanumeric sender id of up to 11 characters',
    ),
  defaultEmailReminders: offsets.describe(
    'Offsets of e-mail reminders; an empty list means none. Default 24 and 2 hours',
  ),
  defaultSmsReminders: offsets.describe('Offsets of SMS reminders; an empty list means none. Default 24 and 2 hours'),
  emailTemplates: templateSet.nullable().optional().describe('Templates of e-mails. Null removes all of them'),
  smsTemplates: templateSet.nullable().optional().describe('Templates of SMS messages. Null removes all of them'),
  unknownOutcome: z
    .enum(unknownOutcomePolicies)
    .nullable()
    .optional()
    .describe(
      'What happens to a message that may or may not have been sent: one more attempt, or hold. Default `retry`',
    ),
  pastReminders: z
    .enum(pastReminderPolicies)
    .nullable()
    .optional()
    .describe('What happens to a reminder whose time is already past when it is planned. Default `skip`'),
  practitionerNotifications: z
    .array(z.enum(categories))
    .max(categories.length)
    .nullable()
    .optional()
    .describe('Kinds of messages that practitioners receive. Default none'),
  defaultCountry: countryCode
    .nullable()
    .optional()
    .describe('Country (ISO 3166-1 alpha-2) of phone numbers without a country code. Null: none'),
})
export type OrganizationSettingsInput = z.infer<typeof organizationSettingsInput>

/** The documented defaults, and ours for the fields the document does not know. */
export const organizationDefaults = {
  emailEnabled: true,
  smsEnabled: true,
  emailSmtpPort: 587,
  defaultEmailReminders: [24, 2],
  defaultSmsReminders: [24, 2],
  unknownOutcome: 'retry',
  pastReminders: 'skip',
  practitionerNotifications: [],
} as const satisfies Partial<OrganizationSettingsInput>

/** Organization settings as they are shown: secrets are `secretMask` or null. */
export type OrganizationSettings = {
  readonly id: number
  readonly organizationId: string
  readonly emailEnabled: boolean
  readonly smsEnabled: boolean
  readonly emailSmtpHost: string | null
  readonly emailSmtpPort: number
  readonly emailSmtpSecurity: EmailSecurity | null
  readonly emailUsername: string | null
  readonly emailPassword: string | null
  readonly emailFromAddress: string | null
  readonly emailFromName: string | null
  readonly smsProvider: string | null
  readonly smsApiKey: string | null
  readonly smsApiSecret: string | null
  readonly smsFromNumber: string | null
  readonly defaultEmailReminders: readonly OffsetInput[]
  readonly defaultSmsReminders: readonly OffsetInput[]
  readonly emailTemplates: TemplateSet
  readonly smsTemplates: TemplateSet
  readonly unknownOutcome: UnknownOutcomePolicy
  readonly pastReminders: PastReminderPolicy
  readonly practitionerNotifications: readonly Category[]
  readonly defaultCountry: Country | null
  readonly createdAt: Date
  readonly updatedAt: Date
}
