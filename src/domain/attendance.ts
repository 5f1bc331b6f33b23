import type { Channel } from '../channels/index.ts'
import {
  type Attendance,
  type ChannelUse,
  channelUses,
  distances,
  type LeadTime,
  leadTimes,
  reminderCounts,
} from '../schemas/attendance.ts'
import { type AppointmentOutcome, appointmentOutcomes } from '../schemas/vocabulary.ts'
import { toWallTime } from './local-time.ts'

/** A reminder sent before an appointment, with what may have influenced attendance. */
type SentReminder = { readonly channel: Channel; readonly hoursBefore: number }

const limits = [
  [2, 'up to 2 h'],
  [12, 'up to 12 h'],
  [24, 'up to 24 h'],
  [48, 'up to 48 h'],
  [168, 'up to 1 w'],
] as const

function nearestOf(sent: readonly SentReminder[]): Attendance['nearest'] {
  if (sent.length === 0) return 'none'
  const hours = Math.min(...sent.map((one) => one.hoursBefore))
  return limits.find(([limit]) => hours <= limit)?.[1] ?? 'more'
}

function channelUseOf(sent: readonly SentReminder[]): ChannelUse {
  const [first = 'none', ...others] = new Set(sent.map((one) => one.channel))
  return others.length === 0 ? first : 'several'
}

const longestDays = [
  [0, 'same day'],
  [3, '1 to 3 days'],
  [7, '4 to 7 days'],
  [30, '8 to 30 days'],
] as const

/** `bookedAt` null, or on a later day than the start: unknown. */
export function leadTimeOf(bookedAt: Date | null, startsAt: Date, timeZone: string): LeadTime {
  if (bookedAt === null || bookedAt.getUTCFullYear() < 1901) return 'unknown'
  const dayOf = (at: Date): number => Date.parse(toWallTime(at, timeZone).slice(0, 10))
  const days = (dayOf(startsAt) - dayOf(bookedAt)) / 86_400_000
  if (days < 0) return 'unknown'
  return longestDays.find(([longest]) => days <= longest)?.[1] ?? 'more than 30 days'
}

export function attendanceOf(
  outcome: AppointmentOutcome,
  sent: readonly SentReminder[],
  leadTime: LeadTime,
): Attendance {
  return {
    outcome,
    reminders: reminderCounts[Math.min(sent.length, 4)] ?? '4+',
    nearest: nearestOf(sent),
    channels: channelUseOf(sent),
    leadTime,
  }
}

/** The `detail` of a counter. */
export const attendanceKey = ({ outcome, reminders, nearest, channels, leadTime }: Attendance): string =>
  [outcome, reminders, nearest, channels, leadTime].join('|')

/** Null for a key that another version wrote. */
export function readAttendanceKey(key: string): Attendance | null {
  // Earlier versions wrote no lead time.
  const [outcome, reminders, nearest, channels, leadTime = 'unknown'] = key.split('|')
  const read: { [Field in keyof Attendance]: Attendance[Field] | undefined } = {
    outcome: appointmentOutcomes.find((word) => word === outcome),
    reminders: reminderCounts.find((word) => word === reminders),
    nearest: distances.find((word) => word === nearest),
    // Earlier versions named each of several.
    channels: channels?.includes('+') ? 'several' : channelUses.find((word) => word === channels),
    leadTime: leadTimes.find((word) => word === leadTime),
  }
  return isWhole(read) ? read : null
}

const isWhole = (read: { [Field in keyof Attendance]: Attendance[Field] | undefined }): read is Attendance =>
  Object.values(read).every((field) => field !== undefined)
