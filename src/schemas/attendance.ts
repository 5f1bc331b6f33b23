import { type Channel, channels } from '../channels/index.ts'
import type { AppointmentOutcome } from './vocabulary.ts'

export const reminderCounts = ['0', '1', '2', '3', '4+'] as const
export const distances = ['none', 'up to 2 h', 'up to 12 h', 'up to 24 h', 'up to 48 h', 'up to 1 w', 'more'] as const
/** Channels of the reminders that were sent: none, a single channel, or several. */
export type ChannelUse = 'none' | Channel | 'several'
export const channelUses: readonly ChannelUse[] = ['none', ...channels, 'several']
/** Calendar days of the appointment's zone from booking to start. */
export const leadTimes = [
  'same day',
  '1 to 3 days',
  '4 to 7 days',
  '8 to 30 days',
  'more than 30 days',
  'unknown',
] as const
/** Calendar days from booking to start, in the appointment's zone. */
export type LeadTime = (typeof leadTimes)[number]

/** The outcome of an appointment, and its reminders. */
export type Attendance = {
  readonly outcome: AppointmentOutcome
  /** How many reminders went out. */
  readonly reminders: (typeof reminderCounts)[number]
  /** How long before the start the nearest of them was. */
  readonly nearest: (typeof distances)[number]
  readonly channels: ChannelUse
  /** How long before the start it was booked. */
  readonly leadTime: LeadTime
}
