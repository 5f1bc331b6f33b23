import { z } from 'zod'
import { email } from '../channels/email.ts'
import type { Channel } from '../channels/names.ts'
import { sms } from '../channels/sms.ts'
import { channelParts, type FurtherPreferences } from './channel-fields.ts'
import { type HostRef, locale, type RecipientRef } from './common.ts'
import { detailRules } from './detail.ts'
import { fallbackRules } from './fallback.ts'
import { emptyOf, type Fields, type InputOf, inputOf, namesWith, type ValuesOf } from './fields.ts'
import { reminderOffsets } from './offset.ts'
import { optOutList } from './opt-outs.ts'
import type { Category } from './vocabulary.ts'

const wish = { schema: z.boolean(), isAudited: true } as const
const offsets = { schema: reminderOffsets, isAudited: true } as const

/** The columns of the preference tables that callers write; null inherits the organization's setting. */
export const preferenceFields = {
  /** False: no e-mail to this person. Null: as the organization. */
  emailEnabled: { ...wish, description: 'False disables e-mail. Null: inherit' },
  /** False: no SMS to this person. Null: as the organization. */
  smsEnabled: { ...wish, description: 'False disables SMS. Null: inherit' },
  /**
   * Offsets of e-mail reminders: hours before the start (`24`) or text (`'1d@18:00'`), at most 20. An empty list: no
   * reminders. Null: as the organization.
   */
  emailReminders: { ...offsets, description: 'Offsets of e-mail reminders; an empty list means none. Null: inherit' },
  /** Offsets of SMS reminders, as `emailReminders`. Null: as the organization. */
  smsReminders: { ...offsets, description: 'Offsets of SMS reminders; an empty list means none. Null: inherit' },
  /** False: no confirmations. Null: as the organization. */
  appointmentConfirmation: { ...wish, description: 'False disables confirmations. Null: inherit' },
  /** False: no reminders. Null: as the organization. */
  appointmentReminder: { ...wish, description: 'False disables reminders. Null: inherit' },
  /** False: no cancellation notices. Null: as the organization. */
  appointmentCancellation: { ...wish, description: 'False disables cancellation notices. Null: inherit' },
  /** False: no reschedule notices. Null: as the organization. */
  appointmentReschedule: { ...wish, description: 'False disables reschedule notices. Null: inherit' },
  /** False: no waitlist notices. Null: as the organization. */
  waitlistNotification: { ...wish, description: 'False disables waitlist notices. Null: inherit' },
  /** How much messages say (0 to 2), by channel and category. Null: as the organization. */
  detailLevels: {
    description: 'How much messages say (0 to 2), by channel and category. Null: inherit',
    schema: detailRules,
    isAudited: true,
  },
  /**
   * Channels that take over when a message has certainly failed on another one, by category, in this order. Null: as the
   * organization.
   */
  fallback: {
    description:
      'Channels on which a message is sent that failed for certain on another one, in their order, by category. Null: inherit',
    schema: fallbackRules,
    isAudited: true,
  },
  /** Kinds of messages not wanted on a channel, while the channel and the kind stay enabled otherwise. Null: none. */
  optOuts: {
    description: 'Kinds of messages that are not sent on a channel, beside what is disabled as a whole. Null: none',
    schema: optOutList,
    isAudited: true,
  },
  /** E-mail address, in place of the one that your directory returns. Null: that one. */
  emailAddress: {
    description: email.address.description,
    schema: email.address.schema,
    isContact: true,
  },
  /** Phone number, in place of the one that your directory returns. Null: that one. */
  phoneNumber: {
    description: sms.address.description,
    schema: sms.address.schema,
    isContact: true,
  },
  /** Language of messages (BCP 47), in place of the one that your directory returns. Null: that one. */
  textLanguage: {
    description: 'Language of the messages (BCP 47). Null: the one that your directory returns',
    schema: locale,
    isAudited: true,
  },
  /** Preferences for channels without fields of their own, by channel (`whatsapp`). */
  channels: channelParts.preferences,
} as const satisfies Fields
export type PreferenceFields = typeof preferenceFields

/** The zod schema of preferences as you write them. */
export const preferencesInput = inputOf(preferenceFields)
/** Preferences of a patient or client as you write them. A field left out is unchanged; null inherits from the organization. */
export interface PreferencesInput extends InputOf<PreferenceFields> {
  /** Preferences for channels without fields of their own, by channel (`whatsapp`). */
  channels?:
    | { [Name in Exclude<Lowercase<Channel>, 'email' | 'sms'>]?: FurtherPreferences | null | undefined }
    | null
    | undefined
}

/** The stored preferences of a recipient; a field that is null inherits. */
export interface PreferencesValues extends ValuesOf<PreferenceFields> {}
/** Preferences that inherit everything. */
export const emptyPreferences: PreferencesValues = emptyOf(preferenceFields)

/** A recipient who can have preferences: a patient or client. Practitioners follow the organization's settings. */
export type PreferenceRef = RecipientRef & { readonly type: 'PATIENT' | 'CLIENT' }

/** A recipient who can have preferences, with the id as your application has it. */
export type HostPreferenceRef = HostRef & { readonly type: PreferenceRef['type'] }

/** Preferences of a patient or client, as they are stored. */
export interface Preferences extends PreferencesValues {
  readonly id: number
  readonly organizationId: string
  readonly recipient: PreferenceRef
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** The preference that switches a category. */
export const categoryFlagOf = {
  CONFIRMATION: 'appointmentConfirmation',
  REMINDER: 'appointmentReminder',
  CANCELLATION: 'appointmentCancellation',
  RESCHEDULE: 'appointmentReschedule',
  WAITLIST: 'waitlistNotification',
} as const satisfies Record<Category, keyof PreferencesInput>

const noContacts = Object.fromEntries(namesWith(preferenceFields, 'isContact').map((name) => [name, null]))

/** The same without addresses of their own, those that the directory has hold, and without consent that was given to others. */
export const withoutContacts = <Values extends PreferencesValues>(values: Values): Values => ({
  ...values,
  ...noContacts,
  channels: values.channels && partsWithoutContacts(values.channels),
})

const partsWithoutContacts = (parts: NonNullable<PreferencesValues['channels']>) =>
  Object.fromEntries(
    Object.entries(parts).map(([name, part]) => [
      name,
      part && { ...part, address: null, enabled: part.enabled === false ? false : null },
    ]),
  )
