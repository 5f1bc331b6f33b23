import type { Category } from '../schemas/vocabulary.ts'

/** How long a confirmation is useful, in ms. */
const confirmationMs = 24 * 3_600_000

/** What determines how long a message is useful. */
export type Life = {
  readonly category: Category
  /** When it was requested, or the reminder's own time. */
  readonly since: Date
  /** The start named in the message: the old start for a cancellation. Null: none, or unknown. */
  readonly start: Date | null
  /** Of a waitlist offer. */
  readonly expiresAt?: Date | null
}

/**
 * When a message stops being useful; null: never. It is tried until then, and not at or after it. A reminder: `leadMs` before the
 * start, or half its offset if that is shorter, since a reminder read on the doorstep reminds of nothing. A confirmation: after a
 * day, or at the start. A cancellation: at the old start. A reschedule: at the new start. A waitlist offer: when it expires or
 * the slot starts, whichever comes first.
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
