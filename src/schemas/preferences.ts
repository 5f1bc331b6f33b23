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
  emailEnabled: flag,
  smsEnabled: flag,
  emailReminders: offsets,
  smsReminders: offsets,
  appointmentConfirmation: flag,
  appointmentReminder: flag,
  appointmentCancellation: flag,
  appointmentReschedule: flag,
  waitlistNotification: flag,
  emailAddress: emailAddress.nullable().optional(),
  phoneNumber: phoneNumber.nullable().optional(),
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
