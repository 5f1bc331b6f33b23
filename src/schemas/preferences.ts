import { z } from 'zod'
import { email } from '../channels/email.ts'
import { sms } from '../channels/sms.ts'
import { channelParts } from './channel-fields.ts'
import { type HostRef, locale, type RecipientRef } from './common.ts'
import { detailRules } from './detail.ts'
import { fallbackRules } from './fallback.ts'
import { emptyOf, type Fields, type Flat, type InputOf, inputOf, namesWith, type ValuesOf } from './fields.ts'
import { reminderOffsets } from './offset.ts'
import { optOutList } from './opt-outs.ts'
import type { Category } from './vocabulary.ts'

const wish = { schema: z.boolean(), isAudited: true } as const
const offsets = { schema: reminderOffsets, isAudited: true } as const

/** The columns of the preference tables that callers write; null inherits the organization's setting. */
export const preferenceFields = {
  emailEnabled: { ...wish, description: 'False disables e-mail. Null: inherit' },
  smsEnabled: { ...wish, description: 'False disables SMS. Null: inherit' },
  /** In place of the organization's; an empty list means no reminders. */
  emailReminders: { ...offsets, description: 'Offsets of e-mail reminders; an empty list means none. Null: inherit' },
  /** In place of the organization's; an empty list means no reminders. */
  smsReminders: { ...offsets, description: 'Offsets of SMS reminders; an empty list means none. Null: inherit' },
  appointmentConfirmation: { ...wish, description: 'False disables confirmations. Null: inherit' },
  appointmentReminder: { ...wish, description: 'False disables reminders. Null: inherit' },
  appointmentCancellation: { ...wish, description: 'False disables cancellation notices. Null: inherit' },
  appointmentReschedule: { ...wish, description: 'False disables reschedule notices. Null: inherit' },
  waitlistNotification: { ...wish, description: 'False disables waitlist notices. Null: inherit' },
  /** How much messages say, in place of what the organization sets. */
  detailLevels: {
    description: 'How much messages say (0 to 2), by channel and category. Null: inherit',
    schema: detailRules,
    isAudited: true,
  },
  /** Which channels take over from one on which a message failed, in place of what the organization sets. */
  fallback: {
    description:
      'Channels on which a message is sent that failed for certain on another one, in their order, by category. Null: inherit',
    schema: fallbackRules,
    isAudited: true,
  },
  /** Kinds of messages that the person does not want on a channel, while the rest of either goes on. */
  optOuts: {
    description: 'Kinds of messages that are not sent on a channel, beside what is disabled as a whole. Null: none',
    schema: optOutList,
    isAudited: true,
  },
  /** In place of the address that the directory has. */
  emailAddress: {
    description: email.address.description,
    schema: email.address.schema,
    isContact: true,
  },
  /** In place of the number that the directory has. */
  phoneNumber: {
    description: sms.address.description,
    schema: sms.address.schema,
    isContact: true,
  },
  /** In place of the language that the directory has. */
  textLanguage: {
    description: 'Language of the messages (BCP 47). Null: the one that your directory returns',
    schema: locale,
    isAudited: true,
  },
  /** Channels without documented fields, by name. */
  channels: channelParts.preferences,
} as const satisfies Fields
export type PreferenceFields = typeof preferenceFields

export const preferencesInput = inputOf(preferenceFields)
/** A patient's or client's preferences as a caller writes them. Null: inherit from the organization. */
export type PreferencesInput = InputOf<PreferenceFields>

/** The recipient's own preferences; a field that is null inherits. */
export type PreferencesValues = ValuesOf<PreferenceFields>
export const emptyPreferences: PreferencesValues = emptyOf(preferenceFields)

/** The recipients who have preferences; practitioners follow the organization's settings. */
export type PreferenceRef = RecipientRef & { readonly type: 'PATIENT' | 'CLIENT' }

/** The same, as a host names them. */
export type HostPreferenceRef = HostRef & { readonly type: PreferenceRef['type'] }

export type Preferences = Flat<
  PreferencesValues & {
    readonly id: number
    readonly organizationId: string
    readonly recipient: PreferenceRef
    readonly createdAt: Date
    readonly updatedAt: Date
  }
>

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
