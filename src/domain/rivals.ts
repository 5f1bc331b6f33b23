import type { Channel } from '../channels/index.ts'
import { type RecipientRef, refKey } from '../schemas/common.ts'
import { hasOffset, type OffsetInput, parseOffset } from '../schemas/offset.ts'
import type { Rule } from '../schemas/rules.ts'
import type { ReminderStatus } from '../schemas/vocabulary.ts'
import { addressKey } from './effective.ts'
import type { Start } from './local-time.ts'
import { recipientChannelKey } from './plan.ts'
import { reminderTime, type Workweek } from './reminder-time.ts'

/** A due reminder of an appointment that competes with others: of several late ones, only the nearest to the start is sent. */
export type Rival = {
  readonly key: number
  readonly recipient: RecipientRef
  readonly channel: Channel
  readonly reminderTime: Date
  /** Distinguishes reminders due at the same instant: several that are sent late share it. */
  readonly hoursBefore: number
  readonly address: string
}
export type Rivalry = {
  /** Not sent, because a reminder nearer to the start is. */
  readonly superseded: ReadonlySet<number>
  /** Merged into the rival of this key, which has the same channel, instant and address. */
  readonly mergedInto: ReadonlyMap<number, number>
}

/**
 * Chooses among the due and valid reminders of one appointment: for each recipient and channel only the one nearest to the
 * start is sent, and of several with the same channel, instant and address only the first.
 */
export function resolveRivals(rivals: readonly Rival[]): Rivalry {
  const nearest = new Map<string, Rival>()
  const superseded = new Set<number>()
  for (const rival of rivals) {
    const place = `${refKey(rival.recipient)}:${rival.channel}`
    const best = nearest.get(place)
    if (best === undefined) nearest.set(place, rival)
    else {
      const later = nearness(rival, best) > 0
      superseded.add(later ? best.key : rival.key)
      if (later) nearest.set(place, rival)
    }
  }
  const first = new Map<string, number>()
  const mergedInto = new Map<number, number>()
  for (const rival of nearest.values()) {
    const place = `${rival.channel}:${rival.reminderTime.getTime()}:${addressKey(rival.channel, rival.address)}`
    const winner = first.get(place)
    if (winner === undefined) first.set(place, rival.key)
    else mergedInto.set(rival.key, winner)
  }
  return { superseded, mergedInto }
}

/** Positive if `one` is nearer to the start than `other`. */
const nearness = (one: Rival, other: Rival): number =>
  one.reminderTime.getTime() - other.reminderTime.getTime() || other.hoursBefore - one.hoursBefore

type Reminded = {
  readonly recipient: RecipientRef
  readonly channel: Channel
  readonly offset: string
  readonly startsAt: Date
}
type Sibling = Reminded & {
  readonly status: ReminderStatus
  readonly reminderTime: Date
  /** Not null: held, it waits for a person's decision. */
  readonly heldAt: Date | null
}

/** Whether a nearer reminder is already due by the offsets in force: then this one is late, and may be superseded. */
export const isBehind = (
  reminder: Reminded,
  offsets: readonly OffsetInput[],
  start: Start,
  now: Date,
  week?: Workweek,
): boolean => {
  const own = timeOf(reminder, start, week)
  return offsets.some((offset) => {
    const time = reminderTime(parseOffset(offset), start, week)
    return time <= now && time > own
  })
}

/**
 * Whether another row replaces a late reminder: a nearer one of the same recipient, channel and start that was sent, or
 * that is also late and will be sent.
 */
export function standsFor(
  sibling: Sibling,
  reminder: Reminded,
  offsets: readonly OffsetInput[],
  start: Start,
  now: Date,
  week?: Workweek,
) {
  if (
    recipientChannelKey(sibling) !== recipientChannelKey(reminder) ||
    sibling.startsAt.getTime() !== reminder.startsAt.getTime()
  )
    return false
  if (timeOf(sibling, start, week) <= timeOf(reminder, start, week)) return false
  if (sibling.status === 'SENT') return true
  const isWanted = hasOffset(offsets, sibling.offset)
  return sibling.status === 'PENDING' && sibling.reminderTime <= now && sibling.heldAt === null && isWanted
}

type Merged = Pick<Sibling, 'channel' | 'startsAt' | 'reminderTime'>

/** Whether a row was merged into another recipient's message: as far as rows show, one with the same channel and instant. */
export const isMergedInto = (row: Merged & { readonly reason: Rule | null }, other: Merged): boolean =>
  row.reason === 'same_address' &&
  row.channel === other.channel &&
  row.startsAt.getTime() === other.startsAt.getTime() &&
  row.reminderTime.getTime() === other.reminderTime.getTime()

const timeOf = ({ offset }: Reminded, start: Start, week: Workweek | undefined): Date =>
  reminderTime(parseOffset(offset), start, week)
