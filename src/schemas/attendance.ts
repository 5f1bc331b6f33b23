import { type Channel, channels } from '../channels/index.ts'
import { documentedChannels } from './channel-fields.ts'
import type { AppointmentOutcome } from './vocabulary.ts'

export const reminderCounts = ['0', '1', '2', '3', '4+'] as const
export const distances = ['none', 'up to 2 h', 'up to 12 h', 'up to 24 h', 'up to 48 h', 'up to 1 w', 'more'] as const
/** The channels of the reminders, as one word: `none`, `EMAIL`, `EMAIL+SMS`. */
export const channelSetOf = (used: readonly Channel[]): string =>
  channels.filter((one) => used.includes(one)).join('+') || 'none'

/** Every set of these, the smaller ones first. */
function setsOf(all: readonly Channel[]): string[] {
  const sets: Channel[][] = [[]]
  for (const one of all) sets.push(...sets.map((set) => [...set, one]))
  return sets.toSorted((one, other) => one.length - other.length).map(channelSetOf)
}

export const channelSets: readonly string[] = setsOf(channels)
/** Those that are shown even where nothing was counted. */
export const documentedChannelSets: readonly string[] = setsOf(documentedChannels)

export type Attendance = {
  readonly outcome: AppointmentOutcome
  /** How many reminders went out. */
  readonly reminders: (typeof reminderCounts)[number]
  /** How long before the start the nearest of them was. */
  readonly nearest: (typeof distances)[number]
  readonly channels: string
}
