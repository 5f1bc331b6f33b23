import type { Channel } from '../channels/index.ts'
import { type Attendance, type ChannelUse, channelUses, distances, reminderCounts } from '../schemas/attendance.ts'
import { type AppointmentOutcome, appointmentOutcomes } from '../schemas/vocabulary.ts'

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

export function attendanceOf(outcome: AppointmentOutcome, sent: readonly SentReminder[]): Attendance {
  return {
    outcome,
    reminders: reminderCounts[Math.min(sent.length, 4)] ?? '4+',
    nearest: nearestOf(sent),
    channels: channelUseOf(sent),
  }
}

/** The `detail` of a counter. */
export const attendanceKey = ({ outcome, reminders, nearest, channels }: Attendance): string =>
  [outcome, reminders, nearest, channels].join('|')

/** Null for a key that another version wrote. */
export function readAttendanceKey(key: string): Attendance | null {
  const [outcome, reminders, nearest, channels] = key.split('|')
  const read: { [Field in keyof Attendance]: Attendance[Field] | undefined } = {
    outcome: appointmentOutcomes.find((word) => word === outcome),
    reminders: reminderCounts.find((word) => word === reminders),
    nearest: distances.find((word) => word === nearest),
    // Earlier versions named each of several.
    channels: channels?.includes('+') ? 'several' : channelUses.find((word) => word === channels),
  }
  if (read.outcome === undefined || read.reminders === undefined) return null
  if (read.nearest === undefined || read.channels === undefined) return null
  return { outcome: read.outcome, reminders: read.reminders, nearest: read.nearest, channels: read.channels }
}

export type Proportion = {
  readonly count: number
  readonly of: number
  /** Null where `of` is 0. */
  readonly rate: number | null
  /** The bounds of the 95 % confidence interval; null where `of` is 0. */
  readonly low: number | null
  readonly high: number | null
}

/** 97.5th percentile of the standard normal distribution. */
const z = 1.959963984540054

/**
 * A proportion with its Wilson score interval (Wilson 1927), which stays honest for the small counts of a small clinic:
 * 0 of 5 is not "never".
 */
export function proportion(count: number, of: number): Proportion {
  if (of === 0) return { count, of, rate: null, low: null, high: null }
  const rate = count / of
  const middle = rate + z ** 2 / (2 * of)
  const reach = z * Math.sqrt((rate * (1 - rate)) / of + z ** 2 / (4 * of ** 2))
  const scale = 1 + z ** 2 / of
  return {
    count,
    of,
    rate,
    low: Math.max(0, (middle - reach) / scale),
    high: Math.min(1, (middle + reach) / scale),
  }
}
