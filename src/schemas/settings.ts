import { z } from 'zod'
import type { DocumentedColumns } from '../channels/channel.ts'
import { email } from '../channels/email.ts'
import { type Channel, channels } from '../channels/index.ts'
import { sms } from '../channels/sms.ts'
import { brandColor } from './brand-color.ts'
import { channelParts, type FurtherSettings, usualReminders } from './channel-fields.ts'
import { locale } from './common.ts'
import { detailRules } from './detail.ts'
import { fallbackRules } from './fallback.ts'
import {
  emptyOf,
  type Fields,
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
      /** Kind of appointment (`kind` of your directory's appointments), 1 to 100 characters. */
      kind: z.string().trim().min(1).max(100).describe('Kind of appointment, as your directory has it'),
      /** Channel. Default: every channel. */
      channel: z.enum(channels).optional().describe('Channel. Default: every channel'),
      /** Offsets of reminders. An empty list: no reminders. */
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
  /** False: no e-mail to any recipient, whatever they prefer. Default true. */
  emailEnabled: { ...enabled, description: 'False disables e-mail for all recipients. Default true' },
  /** False: no SMS to any recipient, whatever they prefer. Default true. */
  smsEnabled: { ...enabled, description: 'False disables SMS for all recipients. Default true' },
  /**
   * Host name of the organization's mail server. Null: it has none, and the host application's account (`DEFAULT_SMTP_HOST`)
   * sends. With another host, port or user name the password must be given again.
   */
  emailSmtpHost: email.account.fields.host,
  /** Port of the mail server, 1 to 65535. Default 587. */
  emailSmtpPort: email.account.fields.port,
  /**
   * Encryption: `implicit` (TLS from the start), `required` (STARTTLS), `opportunistic` (STARTTLS if offered) or `off`.
   * Null: `implicit` on port 465, else STARTTLS as the transport decides.
   */
  emailSmtpSecurity: email.account.fields.security,
  /** User name at the mail server. Null: no sign-in. */
  emailUsername: email.account.fields.username,
  /** Password at the mail server. Encrypted at rest, and shown as `secretMask`; writing the mask keeps the password. */
  emailPassword: email.account.fields.password,
  /** Sender address. Null: the user name, if that is an address. */
  emailFromAddress: email.account.fields.fromAddress,
  /** Sender name. Null: the name of the organization, if your directory returns one. */
  emailFromName: email.account.fields.fromName,
  /**
   * Name of an SMS transport: `twilio`, `aws_sms`, `aws_sns`. Null: the host application's account sends. With another
   * provider its secrets must be given again.
   */
  smsProvider: sms.account.fields.provider,
  /**
   * Key of the SMS account: the Account SID of Twilio, the access key id of AWS. Encrypted at rest, and shown as
   * `secretMask`.
   */
  smsApiKey: sms.account.fields.apiKey,
  /**
   * Secret of the SMS account: the auth token of Twilio, the secret access key of AWS. Encrypted at rest, and shown as
   * `secretMask`.
   */
  smsApiSecret: sms.account.fields.apiSecret,
  /** Sender: a phone number, a short code of 3 to 8 digits, or an alphanumeric sender id of up to 11 characters. */
  smsFromNumber: sms.account.fields.fromNumber,
  /**
   * Offsets of e-mail reminders, for recipients without a preference of their own: hours before the start (`24`) or text
   * (`'1d@18:00'`), at most 20. An empty list: no reminders. Default `[24, 2]`.
   */
  defaultEmailReminders: {
    ...offsets,
    description: 'Offsets of e-mail reminders; an empty list means none. Default 24 and 2 hours',
  },
  /**
   * Offsets of SMS reminders, for recipients without a preference of their own; as `defaultEmailReminders`. Default `[24,
   * 2]`.
   */
  defaultSmsReminders: {
    ...offsets,
    description: 'Offsets of SMS reminders; an empty list means none. Default 24 and 2 hours',
  },
  /** Templates of e-mails, in place of the built-in texts. Null removes all of them. */
  emailTemplates: { ...templates, description: 'Templates of e-mails. Null removes all of them' },
  /** Templates of SMS, in place of the built-in texts. Null removes all of them. */
  smsTemplates: { ...templates, description: 'Templates of SMS messages. Null removes all of them' },
  /**
   * What happens to a message that may or may not have been sent. `retry`: one more attempt by the same account.
   * `retry_elsewhere`: one more attempt by another account of the channel, if there is one (both may deliver it). `hold`: it
   * waits for a decision. Default `retry`.
   */
  unknownOutcome: {
    description:
      'What happens to a message that may or may not have been sent: one more attempt by the same account, one by another account of the channel where there is one (`retry_elsewhere`; the provider may deliver both), or hold. Default `retry`',
    schema: z.enum(unknownOutcomePolicies),
    default: 'retry',
    isAudited: true,
  },
  /**
   * What happens to a reminder whose time is already past when it is planned. `skip`: it is not sent. `send_now`: it is sent
   * at once. `merge`: it is left to the reminder nearest to the start, which is sent at once if its time is past too.
   * Default `skip`.
   */
  pastReminders: {
    description: 'What happens to a reminder whose time is already past when it is planned. Default `skip`',
    schema: z.enum(pastReminderPolicies),
    default: 'skip',
    isAudited: true,
    replans: true,
  },
  /** Kinds of messages that practitioners receive. Default none. */
  practitionerNotifications: {
    description: 'Kinds of messages that practitioners receive. Default none',
    schema: ofPractitioners,
    default: [],
    isAudited: true,
    replans: true,
  },
  /** Country (ISO 3166-1 alpha-2, such as `US`) of phone numbers without a country code. Null: such numbers cannot be used. */
  defaultCountry: {
    description: 'Country (ISO 3166-1 alpha-2) of phone numbers without a country code. Null: none',
    schema: countryCode,
    isAudited: true,
    replans: true,
  },
  /**
   * Languages (BCP 47) of built-in texts to use besides English, the language of the organization and those checked by a
   * native speaker. Default none.
   */
  textLanguages: {
    description:
      'Languages (BCP 47) of built-in texts to use, beside English, the language of the organization and those that a native speaker has read. Default none',
    schema: z.array(locale).max(100),
    default: [],
    isAudited: true,
  },
  /**
   * True: every time is followed by its time zone. Default false: only for recipients in a zone whose clocks show another
   * time.
   */
  alwaysNameTimeZone: {
    description:
      'True adds the time zone to every time. Default false: only for recipients in a time zone whose clocks show another time',
    schema: z.boolean(),
    default: false,
    isAudited: true,
  },
  /**
   * How much messages say (0 to 2), by channel and category; the most specific entry counts. For recipients without a
   * preference of their own. Default: as usual for the channel, 2 for e-mail and SMS.
   */
  detailLevels: {
    description:
      'How much messages say (0 to 2), by channel and category; the most exact entry counts. Default: as much as the channel usually does, 2 for e-mail and SMS',
    schema: detailRules,
    default: [],
    isAudited: true,
  },
  /**
   * True: replaces typographic quotes, dashes, spaces and invisible marks in an SMS by plain ones where that makes it
   * cheaper; letters stay. Default true.
   */
  smsPlainCharacters: {
    description:
      'True replaces typographic quotes, dashes, spaces and invisible marks in an SMS by plain ones where that makes it cheaper; letters stay. Default true',
    schema: z.boolean(),
    default: true,
    isAudited: true,
  },
  /**
   * What one SMS segment or approved template costs, by country and category. Plans and previews show the cost. Default
   * none.
   */
  messagePrices: {
    description:
      'Prices of one SMS segment or one approved template, by country and category; shown by plans and previews. Default none',
    schema: messagePrices,
    default: [],
    isAudited: true,
  },
  /**
   * Offsets of reminders by the `kind` of the appointment, in place of the default ones. Preferences of recipients come
   * first. Default none.
   */
  remindersByKind: {
    description:
      'Offsets of reminders by the `kind` of the appointment; those that recipients prefer come first. Default none',
    schema: remindersByKind,
    default: [],
    isAudited: true,
    replans: true,
  },
  /** Channels that take over when a message has certainly failed on another one, by category, in this order. Default none. */
  fallback: {
    description:
      'Channels on which a message is sent that failed for certain on another one, in their order, by category. Default none',
    schema: fallbackRules,
    default: [],
    isAudited: true,
  },
  /**
   * When nothing is sent, by the local time of the recipient, by channel and category; the most specific entry counts. An
   * empty list: never quiet. Null: not decided yet; also never quiet, but with a warning.
   */
  quietHours: {
    description:
      'When nothing is sent, by the clocks of the recipient, by channel and category; the most exact entry counts. An empty list: never. Null: not decided yet, which counts as never, with a warning',
    schema: quietRules,
    isAudited: true,
    replans: true,
  },
  /**
   * How many messages a person gets in a day, over all channels, 1 to 100; cancellations and reschedules do not count. Null:
   * no limit.
   */
  dailyBudget: {
    description:
      'How many messages a person gets on a day, over all channels; cancellations and reschedules do not count. Null: no limit',
    schema: z.int().min(1).max(100),
    isAudited: true,
  },
  /**
   * True: reminders of several appointments of a day, of one person or of people with the same address, are sent as one
   * message that lists all of them. Default false.
   */
  oneMessagePerDay: {
    description:
      'True sends reminders of several appointments of a day, of a person or of people with the same address, as one message that lists all. Default false',
    schema: z.boolean(),
    default: false,
    isAudited: true,
  },
  /**
   * How long notices of a booking, move or cancellation wait before they are sent, in ms (0 to 3600000), so that what is
   * undone in this time is not sent. 0: no wait. Null: as the option `settleMs` of the library, 60000 by default.
   */
  settleMs: {
    description:
      'How long notices of a booking, move or cancellation wait before they are sent, in ms, so that what is undone meanwhile is not sent; 0: not at all. Null: as the host application sets it, 60 s by default',
    schema: z.int().min(0).max(3_600_000),
    isAudited: true,
  },
  /**
   * True: built-in SMS reminders end with what to reply to confirm or to ask for another time. Requires the option `hooks`
   * and a sender that receives replies. Default false.
   */
  askForAnswers: {
    description:
      'True ends built-in SMS reminders with what to reply to confirm or to ask for another time. Needs hooks of the host application and a sender that receives replies. Default false',
    schema: z.boolean(),
    default: false,
    isAudited: true,
  },
  /**
   * Which further reminders a person gets after confirming the appointment: all (`keep`), only the last of each channel
   * (`last`), or none (`none`). Default `keep`.
   */
  confirmedReminders: {
    description:
      'Which further reminders a person gets who confirmed the appointment: all (`keep`), the last one of each channel (`last`), or none. Default `keep`',
    schema: z.enum(confirmedReminderPolicies),
    default: 'keep',
    isAudited: true,
  },
  /**
   * Days of the week that count as workdays for offsets such as `'2wd'`: 1 is Monday, 7 is Sunday. Default `[1, 2, 3, 4,
   * 5]`.
   */
  workdays: {
    description: 'Days of the week (1 Monday to 7 Sunday) that count as workdays. Default Monday to Friday',
    schema: z.array(z.int().min(1).max(7)).min(1).max(7),
    default: [1, 2, 3, 4, 5],
    isAudited: true,
    replans: true,
  },
  /** Dates (`YYYY-MM-DD`) that are not workdays; at most 1000. Default none. */
  holidays: {
    description: 'Dates (`YYYY-MM-DD`) that are no workdays. Default none',
    schema: z.array(z.iso.date()).max(1000),
    default: [],
    isAudited: true,
    replans: true,
  },
  /**
   * Kinds of e-mail that mail programs can unsubscribe from with one click (RFC 8058). Requires the option `publicUrl` and
   * an encryption key. Default `['WAITLIST']`.
   */
  unsubscribeCategories: {
    description:
      'Kinds of e-mail with headers by which mail programs offer to unsubscribe from that kind with one click (RFC 8058). Default waitlist notices',
    schema: z.array(z.enum(categories)).max(categories.length),
    default: ['WAITLIST'],
    isAudited: true,
  },
  /**
   * Color (`#rrggbb`) of headings and buttons on the pages that links in messages open, and of buttons and links in mail
   * with a layout. Must be readable on white (a contrast of 4.5:1). Null: dark blue.
   */
  brandColor: {
    description:
      'Color of headings and buttons on the pages that links in messages open, and of buttons and links in mail with a layout, as `#rrggbb`; readable on white (a contrast of 4.5:1). Default dark blue',
    schema: brandColor,
    isAudited: true,
  },
  /**
   * True: e-mails that confirm, reschedule or cancel an appointment have a calendar file, which keeps one event in the
   * recipient's calendar up to date. Requires the option `calendar`. Default false.
   */
  calendarFiles: {
    description:
      'True adds a calendar file to e-mails that confirm, reschedule or cancel an appointment, which keeps one event in the calendar of the recipient right. Needs the option `calendar` of the host application. Default false',
    schema: z.boolean(),
    default: false,
    isAudited: true,
  },
  /**
   * Layout around the text of e-mails: logo, footer, link to the preferences page. An empty object uses all defaults. Null:
   * mails are plain paragraphs.
   */
  mailLayout: {
    description:
      'Layout around the text of e-mails, with logo, address, phone number, a link to the page of preferences, and `brand_color` for buttons; an empty object has all defaults. Null, the default: mails are plain paragraphs',
    schema: mailLayoutRules,
    isAudited: true,
  },
  /**
   * Days that texts, addresses, decisions and audit entries are kept after they are over; see `suggestedRetention`. Default:
   * forever.
   */
  retention: {
    description:
      'Days that texts, addresses, decisions and audit entries are kept after they are over. Default: forever; suggested are 90, 365, 365 and 1095',
    schema: retentionRules,
    default: {},
    isAudited: true,
  },
  /** Named texts to use within templates, as `{>footer}`. Default none. */
  templatePartials: {
    description: 'Texts that templates name, such as `{>footer}`, by name. Default none',
    schema: partialSet,
    default: {},
  },
  /**
   * Settings by channel (`email`, `sms`, `whatsapp`) that have no field of their own: for every channel further accounts and
   * limits; for channels other than e-mail and SMS also whether they are enabled, reminders, templates and account.
   */
  channels: channelParts.settings,
} as const satisfies Fields
export type SettingsFields = typeof settingsFields

/** The zod schema of organization settings as you write them. */
export const organizationSettingsInput = inputOf(settingsFields)
/**
 * Organization settings as you write them. A field left out is unchanged, or gets its default on creation; null resets it to
 * its default.
 */
export interface OrganizationSettingsInput extends InputOf<SettingsFields> {
  /**
   * Settings by channel (`email`, `sms`, `whatsapp`) that have no field of their own: for every channel further accounts and
   * limits; for channels other than e-mail and SMS also whether they are enabled, reminders, templates and account.
   */
  channels?: { [Name in Lowercase<Channel>]?: FurtherSettings | null | undefined } | null | undefined
}

export const organizationSettingsChange = organizationSettingsInput.extend({
  /**
   * True: provider reports signed with previous secrets of the organization, including those replaced by this change, are
   * refused at once. Default false: they are accepted as long as reports on messages sent with them may arrive.
   */
  revokePrevious: z
    .boolean()
    .optional()
    .describe(
      'True ends the validity of all previous secrets of the organization at once: those that this change replaces, which are otherwise accepted in provider reports for as long as these may arrive, and those before',
    ),
})
/** A change of organization settings: fields as in `OrganizationSettingsInput`, and what happens to previous secrets. */
export interface OrganizationSettingsChange extends OrganizationSettingsInput {
  /**
   * True: provider reports signed with previous secrets of the organization, including those replaced by this change, are
   * refused at once. Default false: they are accepted as long as reports on messages sent with them may arrive.
   */
  readonly revokePrevious?: boolean | undefined
}

/** The stored settings of an organization: secrets encrypted, null for the default or nothing. */
export interface SettingsValues extends ValuesOf<SettingsFields> {}
/** Settings of which nothing is set. */
export const emptySettings: SettingsValues = emptyOf(settingsFields)

/** Organization settings as they are shown: defaults filled in, each secret as `secretMask` or null. */
export interface OrganizationSettings extends ShownOf<SettingsFields> {
  /** Id of the row. */
  readonly id: number
  /** The organization. */
  readonly organizationId: string
  /** When the settings were created. */
  readonly createdAt: Date
  /** When they last changed. */
  readonly updatedAt: Date
}

/** Name of a setting that holds a secret. */
export type SecretField = NameWith<SettingsFields, 'isSecret'>
/** The columns that hold secrets: encrypted at rest, never shown. */
export const secretFields: readonly SecretField[] = namesWith(settingsFields, 'isSecret')

/** The templates of e-mail and SMS with their partials, as the templates endpoints take them. */
export const templatesInput = organizationSettingsInput.pick({
  emailTemplates: true,
  smsTemplates: true,
  templatePartials: true,
})
/** The templates of an organization. */
export type Templates = Pick<OrganizationSettings, TemplateField>
/** Templates as you write them: a field left out is unchanged, null removes all of that field. */
export type TemplatesInput = Pick<OrganizationSettingsInput, TemplateField>
type TemplateField = DocumentedColumns['settings']['templates'] | 'templatePartials'
