import type { Channel } from '../channels/index.ts'
import { type RecipientRef, refKey } from '../schemas/common.ts'
import { type OffsetInput, parseOffset } from '../schemas/offset.ts'
import type { ReminderStatus, Rule } from '../schemas/vocabulary.ts'
import { addressKey } from './effective.ts'
import type { Start } from './local-time.ts'
import { sendQueueKey } from './plan.ts'
import { canonicalOffsets, reminderTime } from './reminder-time.ts'

/** What the rivals of one appointment need to be told apart. */
export type Rival = {
  readonly key: number
  readonly recipient: RecipientRef
  readonly channel: Channel
  readonly reminderTime: Date
  /** Tells reminders of one instant apart: several that are sent late share theirs. */
  readonly hoursBefore: number
  readonly address: string
}
export type Rivalry = {
  /** Loses to a reminder nearer to the start. */
  readonly superseded: ReadonlySet<number>
  /** Merged into the rival of this key, which has the same channel, instant and address. */
  readonly mergedInto: ReadonlyMap<number, number>
}

/**
 * Among reminders of one appointment that are all due and right: of each recipient and channel only the nearest to the
 * start goes out, and of several with the same channel, instant and address only the first.
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
  /** It waits for a decision. */
  readonly heldAt: Date | null
}

/** Whether the time of a nearer reminder has come, by the offsets in force: then this one is late, and may be superseded. */
export const isBehind = (reminder: Reminded, offsets: readonly OffsetInput[], start: Start, now: Date): boolean =>
  canonicalOffsets(offsets, start).some((offset) => {
    const time = reminderTime(offset, start)
    return time <= now && time > timeOf(reminder, start)
  })

/**
 * Whether another row stands for a reminder that is late: a nearer one of the same recipient, channel and start that was sent, or
 * is late as well and goes out itself.
 */
export function standsFor(
  sibling: Sibling,
  reminder: Reminded,
  offsets: readonly OffsetInput[],
  start: Start,
  now: Date,
) {
  if (sendQueueKey(sibling) !== sendQueueKey(reminder) || sibling.startsAt.getTime() !== reminder.startsAt.getTime())
    return false
  if (timeOf(sibling, start) <= timeOf(reminder, start)) return false
  if (sibling.status === 'SENT') return true
  const isWanted = canonicalOffsets(offsets).some(({ text }) => text === sibling.offset)
  return sibling.status === 'PENDING' && sibling.reminderTime <= now && sibling.heldAt === null && isWanted
}

type Merged = Pick<Sibling, 'channel' | 'startsAt' | 'reminderTime'>

/** Whether a row was left to the message of another recipient, as far as rows say: of the same channel and instant. */
export const isMergedInto = (row: Merged & { readonly reason: Rule | null }, other: Merged): boolean =>
  row.reason === 'same_address' &&
  row.channel === other.channel &&
  row.startsAt.getTime() === other.startsAt.getTime() &&
  row.reminderTime.getTime() === other.reminderTime.getTime()

const timeOf = ({ offset }: Reminded, start: Start): Date => reminderTime(parseOffset(offset), start)
