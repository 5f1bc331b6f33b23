import { z } from 'zod'
import type { HostRef, RecipientRef } from './common.ts'
import { emailAddress } from './email-address.ts'
import { type OffsetInput, reminderOffsets } from './offset.ts'
import { phoneNumber } from './phone-number.ts'
import type { Category, Channel } from './vocabulary.ts'

const flag = z.boolean().nullable().optional()
const offsets = reminderOffsets.nullable().optional()

/** A patient's or client's preferences as a caller writes them. Null: inherit from the organization. */
export const preferencesInput = z.strictObject({
  emailEnabled: flag.describe('False disables e-mail. Null: inherit'),
  smsEnabled: flag.describe('False disables SMS. Null: inherit'),
  emailReminders: offsets.describe('Offsets of e-mail reminders; an empty list means none. Null: inherit'),
  smsReminders: offsets.describe('Offsets of SMS reminders; an empty list means none. Null: inherit'),
  appointmentConfirmation: flag.describe('False disables confirmations. Null: inherit'),
  appointmentReminder: flag.describe('False disables reminders. Null: inherit'),
  appointmentCancellation: flag.describe('False disables cancellation notices. Null: inherit'),
  appointmentReschedule: flag.describe('False disables reschedule notices. Null: inherit'),
  waitlistNotification: flag.describe('False disables waitlist notices. Null: inherit'),
  emailAddress: emailAddress
    .nullable()
    .optional()
    .describe('E-mail address in place of the one that your directory returns. Null: that one'),
  phoneNumber: phoneNumber
    .nullable()
    .optional()
    .describe('Phone number in place of the one that your directory returns. Null: that one'),
})
export type PreferencesInput = z.infer<typeof preferencesInput>

/** The recipients who have preferences; practitioners follow the organization's settings. */
export type PreferenceRef = RecipientRef & { readonly type: 'PATIENT' | 'CLIENT' }

/** The same, as a host names them. */
export type HostPreferenceRef = HostRef & { readonly type: PreferenceRef['type'] }

/** The recipient's own wishes; null in a field inherits. */
export type PreferencesValues = {
  readonly emailEnabled: boolean | null
  readonly smsEnabled: boolean | null
  readonly emailReminders: readonly OffsetInput[] | null
  readonly smsReminders: readonly OffsetInput[] | null
  readonly appointmentConfirmation: boolean | null
  readonly appointmentReminder: boolean | null
  readonly appointmentCancellation: boolean | null
  readonly appointmentReschedule: boolean | null
  readonly waitlistNotification: boolean | null
  readonly emailAddress: string | null
  readonly phoneNumber: string | null
}

export type Preferences = PreferencesValues & {
  readonly id: number
  readonly organizationId: string
  readonly recipient: PreferenceRef
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** The preference that switches a channel. */
export const channelFlagOf = {
  EMAIL: 'emailEnabled',
  SMS: 'smsEnabled',
} as const satisfies Record<Channel, keyof PreferencesInput>

/** The preference that switches a category. */
export const categoryFlagOf = {
  CONFIRMATION: 'appointmentConfirmation',
  REMINDER: 'appointmentReminder',
  CANCELLATION: 'appointmentCancellation',
  RESCHEDULE: 'appointmentReschedule',
  WAITLIST: 'waitlistNotification',
} as const satisfies Record<Category, keyof PreferencesInput>
