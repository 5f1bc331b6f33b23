import type { AppointmentOutcome } from './vocabulary.ts'

export const reminderCounts = ['0', '1', '2', '3', '4+'] as const
export const distances = ['none', 'up to 2 h', 'up to 12 h', 'up to 24 h', 'up to 48 h', 'up to 1 w', 'more'] as const
export const channelSets = ['none', 'EMAIL', 'SMS', 'EMAIL+SMS'] as const

export type Attendance = {
  readonly outcome: AppointmentOutcome
  /** How many reminders went out. */
  readonly reminders: (typeof reminderCounts)[number]
  /** How long before the start the nearest of them was. */
  readonly nearest: (typeof distances)[number]
  readonly channels: (typeof channelSets)[number]
}
