import { z } from 'zod'
import type { DocumentedColumns } from '../channels/channel.ts'
import { email } from '../channels/email.ts'
import { channels } from '../channels/index.ts'
import { sms } from '../channels/sms.ts'
import { brandColor } from './brand-color.ts'
import { channelParts, usualReminders } from './channel-fields.ts'
import { locale } from './common.ts'
import { detailRules } from './detail.ts'
import { fallbackRules } from './fallback.ts'
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
import { mailLayoutRules } from './mail-layout.ts'
import { messagePrices } from './message-price.ts'
import { reminderOffsets } from './offset.ts'
import { countryCode } from './phone-number.ts'
import { quietRules } from './quiet-hours.ts'
import { retentionRules } from './retention.ts'
import { partialSet, templateSet } from './templates.ts'
import { categories, confirmedReminderPolicies, pastReminderPolicies, unknownOutcomePolicies } from './vocabulary.ts'

const ofPractitioners = z.array(z.enum(categories)).max(categories.length)

const remindersByKind = z
  .array(
    z.strictObject({
      kind: z.string().trim().min(1).max(100).describe('Kind of appointment, as your directory has it'),
      channel: z.enum(channels).optional().describe('Channel. Default: every channel'),
      reminders: reminderOffsets.describe('Offsets of reminders; an empty list means none'),
    }),
  )
  .max(200)
  .superRefine((rules, context) => {
    for (const [index, { kind, channel }] of rules.entries()) {
      const first = rules.findIndex((one) => one.kind === kind && one.channel === channel)
      if (first < index)
        context.addIssue({ code: 'custom', path: [index], message: `is about the kind and channel of entry ${first}` })
    }
  })

const enabled = { schema: z.boolean(), default: true, isColumnDefault: true, isAudited: true, replans: true } as const
const offsets = { ...enabled, schema: reminderOffsets, default: usualReminders } as const
const templates = { schema: templateSet, default: {} } as const

/** The columns of `notification_settings` that callers write. */
export const settingsFields = {
  /** False: no e-mail to anybody, whatever they prefer. */
  emailEnabled: { ...enabled, description: 'False disables e-mail for all recipients. Default true' },
  /** False: no SMS to anybody, whatever they prefer. */
  smsEnabled: { ...enabled, description: 'False disables SMS for all recipients. Default true' },
  /** Null: the organization has no mail server of its own, and is served by the host application's. */
  emailSmtpHost: email.account.fields.host,
  emailSmtpPort: email.account.fields.port,
  /** How the server is spoken to. Null: TLS from the start on port 465, else STARTTLS as the transport decides. */
  emailSmtpSecurity: email.account.fields.security,
  emailUsername: email.account.fields.username,
  emailPassword: email.account.fields.password,
  /** Null: the user name, where that is an address. */
  emailFromAddress: email.account.fields.fromAddress,
  emailFromName: email.account.fields.fromName,
  /** The name of a transport, such as `twilio`. Null: the organization is served by the host application's. */
  smsProvider: sms.account.fields.provider,
  /** Of Twilio: the Account SID. */
  smsApiKey: sms.account.fields.apiKey,
  /** Of Twilio: the auth token. */
  smsApiSecret: sms.account.fields.apiSecret,
  /** A phone number, a short code or an alphanumeric sender id. */
  smsFromNumber: sms.account.fields.fromNumber,
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
      'What happens to a message that may or may not have been sent: one more attempt by the same account, one by another account of the channel where there is one (`retry_elsewhere`; the provider may deliver both), or hold. Default `retry`',
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
  /** Languages of built-in texts that the organization uses though nobody who speaks them has read them; its own `locale` is always one. */
  textLanguages: {
    description:
      'Languages (BCP 47) of built-in texts to use, beside English, the language of the organization and those that a native speaker has read. Default none',
    schema: z.array(locale).max(100),
    default: [],
    isAudited: true,
  },
  /** True: times are followed by the name of their zone, and not only for recipients in another one. */
  alwaysNameTimeZone: {
    description:
      'True adds the time zone to every time. Default false: only for recipients in a time zone whose clocks show another time',
    schema: z.boolean(),
    default: false,
    isAudited: true,
  },
  /** How much messages say, for recipients who prefer nothing else. */
  detailLevels: {
    description:
      'How much messages say (0 to 2), by channel and category; the most exact entry counts. Default: as much as the channel usually does, 2 for e-mail and SMS',
    schema: detailRules,
    default: [],
    isAudited: true,
  },
  /** False: typographic quotes, dashes and spaces of an SMS stay, though one of them more than doubles its price. */
  smsPlainCharacters: {
    description:
      'True replaces typographic quotes, dashes, spaces and invisible marks in an SMS by plain ones where that makes it cheaper; letters stay. Default true',
    schema: z.boolean(),
    default: true,
    isAudited: true,
  },
  /** What messages cost the organization. */
  messagePrices: {
    description:
      'Prices of one SMS segment or one approved template, by country and category; shown by plans and previews. Default none',
    schema: messagePrices,
    default: [],
    isAudited: true,
  },
  /** In place of the default reminders, for appointments of a kind. */
  remindersByKind: {
    description:
      'Offsets of reminders by the `kind` of the appointment; those that recipients prefer come first. Default none',
    schema: remindersByKind,
    default: [],
    isAudited: true,
    replans: true,
  },
  /** Which channels take over from one on which a message failed for certain. */
  fallback: {
    description:
      'Channels on which a message is sent that failed for certain on another one, in their order, by category. Default none',
    schema: fallbackRules,
    default: [],
    isAudited: true,
  },
  /** When nothing is sent, by channel and category. Null: not decided yet, which counts as none. */
  quietHours: {
    description:
      'When nothing is sent, by the clocks of the recipient, by channel and category; the most exact entry counts. An empty list: never. Null: not decided yet, which counts as never, with a warning',
    schema: quietRules,
    isAudited: true,
    replans: true,
  },
  /** How many messages a person gets a day. Null: any number. */
  dailyBudget: {
    description:
      'How many messages a person gets on a day, over all channels; cancellations and reschedules do not count. Null: no limit',
    schema: z.int().min(1).max(100),
    isAudited: true,
  },
  /** True: the reminders of a person's appointments of a day are one message. */
  oneMessagePerDay: {
    description:
      'True sends reminders of several appointments of a day, of a person or of people with the same address, as one message that lists all. Default false',
    schema: z.boolean(),
    default: false,
    isAudited: true,
  },
  /** How long notices of a reported event wait for second thoughts, in ms. Null: as long as the library is set up for. */
  settleMs: {
    description:
      'How long notices of a booking, move or cancellation wait before they are sent, in ms, so that what is undone meanwhile is not sent; 0: not at all. Null: as the host application sets it, 60 s by default',
    schema: z.int().min(0).max(3_600_000),
    isAudited: true,
  },
  /** True: the built-in SMS of reminders ends with what to reply. */
  askForAnswers: {
    description:
      'True ends built-in SMS reminders with what to reply to confirm or to ask for another time. Needs hooks of the host application and a sender that receives replies. Default false',
    schema: z.boolean(),
    default: false,
    isAudited: true,
  },
  /** What becomes of further reminders once a person has confirmed. */
  confirmedReminders: {
    description:
      'Which further reminders a person gets who confirmed the appointment: all (`keep`), the last one of each channel (`last`), or none. Default `keep`',
    schema: z.enum(confirmedReminderPolicies),
    default: 'keep',
    isAudited: true,
  },
  /** Which days count for offsets such as `2wd`: 1 is Monday, 7 Sunday. */
  workdays: {
    description: 'Days of the week (1 Monday to 7 Sunday) that count as workdays. Default Monday to Friday',
    schema: z.array(z.int().min(1).max(7)).min(1).max(7),
    default: [1, 2, 3, 4, 5],
    isAudited: true,
    replans: true,
  },
  /** Days that do not count. */
  holidays: {
    description: 'Dates (`YYYY-MM-DD`) that are no workdays. Default none',
    schema: z.array(z.iso.date()).max(1000),
    default: [],
    isAudited: true,
    replans: true,
  },
  /** On which mail a program can unsubscribe with one click (RFC 8058); needs the option `publicUrl` and an encryption key. */
  unsubscribeCategories: {
    description:
      'Kinds of e-mail with headers by which mail programs offer to unsubscribe from that kind with one click (RFC 8058). Default waitlist notices',
    schema: z.array(z.enum(categories)).max(categories.length),
    default: ['WAITLIST'],
    isAudited: true,
  },
  /** Of headings and buttons on the pages that people open from a message. */
  brandColor: {
    description:
      'Color of headings and buttons on the pages that links in messages open, and of buttons and links in mail with a layout, as `#rrggbb`; readable on white (a contrast of 4.5:1). Default dark blue',
    schema: brandColor,
    isAudited: true,
  },
  /** True: calendars of people take appointments in from the mail, and follow them. */
  calendarFiles: {
    description:
      'True adds a calendar file to e-mails that confirm, reschedule or cancel an appointment, which keeps one event in the calendar of the recipient right. Needs the option `calendar` of the host application. Default false',
    schema: z.boolean(),
    default: false,
    isAudited: true,
  },
  /** Null: mails are their paragraphs. */
  mailLayout: {
    description:
      'Layout around the text of e-mails, with logo, address, phone number, a link to the page of preferences, and `brand_color` for buttons; an empty object has all defaults. Null, the default: mails are plain paragraphs',
    schema: mailLayoutRules,
    isAudited: true,
  },
  /** How long what is over is kept. */
  retention: {
    description:
      'Days that texts, addresses, decisions and audit entries are kept after they are over. Default: forever; suggested are 90, 365, 365 and 1095',
    schema: retentionRules,
    default: {},
    isAudited: true,
  },
  /** What templates are made of, by the names that they have there. */
  templatePartials: {
    description: 'Texts that templates name, such as `{>footer}`, by name. Default none',
    schema: partialSet,
    default: {},
  },
  /** Channels without documented fields, by name. */
  channels: channelParts.settings,
} as const satisfies Fields
export type SettingsFields = typeof settingsFields

export const organizationSettingsInput = inputOf(settingsFields)
/** Organization settings as a caller writes them. Left out: unchanged, or the default on creation; null: the default. */
export type OrganizationSettingsInput = InputOf<SettingsFields>

export const organizationSettingsChange = organizationSettingsInput.extend({
  revokePrevious: z
    .boolean()
    .optional()
    .describe(
      'True ends the validity of all previous secrets of the organization at once: those that this change replaces, which are otherwise accepted in provider reports for as long as these may arrive, and those before',
    ),
})
/** A change of organization settings, as `OrganizationSettingsInput`. */
export type OrganizationSettingsChange = OrganizationSettingsInput & {
  /** True: what earlier secrets signed is no longer accepted. Default false. */
  readonly revokePrevious?: boolean | undefined
}

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

/** Both channels and what their templates are made of, as the templates endpoints show them. */
export const templatesInput = organizationSettingsInput.pick({
  emailTemplates: true,
  smsTemplates: true,
  templatePartials: true,
})
export type Templates = Pick<OrganizationSettings, TemplateField>
export type TemplatesInput = Pick<OrganizationSettingsInput, TemplateField>
type TemplateField = DocumentedColumns['settings']['templates'] | 'templatePartials'
