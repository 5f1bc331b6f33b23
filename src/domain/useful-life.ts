import type { Category } from '../schemas/vocabulary.ts'

/** A confirmation is news for so long. */
const confirmationMs = 24 * 3_600_000

/** What decides how long a message is of use. */
export type Life = {
  readonly category: Category
  /** When it was asked for, or the reminder's own time. */
  readonly since: Date
  /** Of the appointment, as the message says it: the old start of a cancellation. Null: there is none, or nobody can say. */
  readonly start: Date | null
  /** Of a waitlist offer. */
  readonly expiresAt?: Date | null
}

/**
 * From when on a message is of no more use, so that no attempt is made at or after it; null: never. As long as it is of
 * use, it is tried. A reminder: its start less `leadMs`, or half of its offset where that is less, because a reminder that is read on
 * the doorstep reminds of nothing. A confirmation: a day, or the start. A cancellation: the start that is no more. A
 * reschedule: the new start. An offer of a waitlist: until it expires or the slot starts, whichever comes first.
 */
export function usefulUntil({ category, since, start, expiresAt = null }: Life, leadMs: number): Date | null {
  if (category === 'WAITLIST') return expiresAt === null || (start !== null && start < expiresAt) ? start : expiresAt
  if (start === null) return null
  if (category === 'REMINDER') {
    const half = Math.max(0, Math.floor((start.getTime() - since.getTime()) / 2))
    return new Date(start.getTime() - Math.min(leadMs, half))
  }
  if (category === 'CONFIRMATION') return new Date(Math.min(since.getTime() + confirmationMs, start.getTime()))
  return start
}
