import type { Channel } from '../../channels/index.ts'

/** The messages of one organization on one channel: they share an account, and so wait for each other, and for nobody else. */
export type SendQueue = { readonly organizationId: string; readonly channel: Channel }

/** A queue as one word. */
export const sendQueueKey = ({ organizationId, channel }: SendQueue): string => `${channel} ${organizationId}`

/** One of `of` equal parts of all work, from 0; everything of one appointment, or of one waitlist entry, is in the same part. */
export type Share = { readonly index: number; readonly of: number }

/** Which due work to read. */
export type DueQuery = {
  /** What is due at or before it. */
  readonly now: Date
  /** Rows of the head that are looked at; the answer holds at most twice as many, and what belongs to them. */
  readonly limit: number
  /** Left out: nothing of them could be sent now. */
  readonly except?: readonly SendQueue[]
  /** Default: all of it. */
  readonly share?: Share
}

/**
 * Earliest first. Where more is due than the limit, every queue is in the answer all the same, with as many rows as an equal
 * part of the limit allows (one of each, and the oldest `limit` queues, where there are more queues than that): an
 * organization with a hundred thousand due rows hides nobody behind it.
 */
export type DuePage<Row> = {
  readonly rows: readonly Row[]
  /** Queues of which more may be due than the answer holds. */
  readonly more: readonly SendQueue[]
}
