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

/** Organization settings as a caller writes them. Left out: unchanged, or the default on creation; null: the default. */
export const organizationSettingsInput = z.strictObject({
  emailEnabled: flag,
  smsEnabled: flag,
  emailSmtpHost: host.nullable().optional(),
  emailSmtpPort: z.int().min(1).max(65_535).nullable().optional(),
  /** How the server is spoken to. Null: TLS from the start on port 465, else STARTTLS as the transport decides. */
  emailSmtpSecurity: z.enum(emailSecurities).nullable().optional(),
  emailUsername: singleLine(255)
    .meta({ examples: ['notifications@clinic.example'] })
    .nullable()
    .optional(),
  emailPassword: z.string().min(1).max(1024).nullable().optional(),
  emailFromAddress: emailAddress.nullable().optional(),
  emailFromName: singleLine(255)
    .meta({ examples: ['Medical Clinic'] })
    .nullable()
    .optional(),
  smsProvider: z
    .string()
    .max(50)
    .regex(/^[A-Za-z0-9_-]+$/, 'must be the name of an installed provider')
    .meta({ examples: ['twilio'] })
    .nullable()
    .optional(),
  smsApiKey: z.string().min(1).max(1024).nullable().optional(),
  smsApiSecret: z.string().min(1).max(1024).nullable().optional(),
  smsFromNumber: smsSender.nullable().optional(),
  defaultEmailReminders: offsets,
  defaultSmsReminders: offsets,
  emailTemplates: templateSet.nullable().optional(),
  smsTemplates: templateSet.nullable().optional(),
  unknownOutcome: z.enum(unknownOutcomePolicies).nullable().optional(),
  pastReminders: z.enum(pastReminderPolicies).nullable().optional(),
  practitionerNotifications: z.array(z.enum(categories)).max(categories.length).nullable().optional(),
  /** The country of phone numbers that are written without a country code (ISO 3166-1 alpha-2). Null: there is none. */
  defaultCountry: countryCode.nullable().optional(),
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
