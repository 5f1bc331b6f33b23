import type { Channel } from '../../channels/index.ts'
import type { EntityId, RecipientRef } from '../../schemas/common.ts'
import type { Rule } from '../../schemas/rules.ts'
import type { ReminderStatus } from '../../schemas/vocabulary.ts'
import type { DuePage, DueQuery } from './due.ts'

/** What identifies a reminder among the rows of one appointment that are not CANCELLED, with its times. */
export type NewReminder = {
  readonly recipient: RecipientRef
  readonly channel: Channel
  /** Canonical text, `24h`. */
  readonly offset: string
  readonly startsAt: Date
  readonly reminderTime: Date
  readonly hoursBefore: number
  /** `traceparent` of the span that planned it; left out: there was none. That of a row which is kept stays. */
  readonly traceContext?: string
}

/** `appointment_reminders`: one recipient, one channel, one offset. */
export type ReminderRow = NewReminder & {
  readonly id: number
  readonly organizationId: string
  readonly appointmentId: EntityId
  readonly status: ReminderStatus
  readonly subject: string | null
  /** Null until an intent is committed. */
  readonly message: string | null
  /** Why it is CANCELLED. */
  readonly reason: Rule | null
  readonly sentAt: Date | null
  readonly errorMessage: string | null
  /** When it is next looked at; null once a delivery has it or it is over. */
  readonly dueAt: Date | null
  /** Since when it waits for a decision (`suspend`); null: it does not. */
  readonly heldAt: Date | null
  /** The delivery that sends it. */
  readonly notificationId: number | null
  readonly taskManagerTaskId: string | null
  readonly taskManagerExecutionId: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** A place in the order in which rows were suspended. */
export type HeldPlace = { readonly heldAt: Date; readonly id: number }

/** Reads reminders. */
export interface ReminderStore {
  get(id: number): Promise<ReminderRow | null>
  /** All rows of the appointment, CANCELLED ones too, by reminder time, then id. */
  list(organizationId: string, appointmentId: EntityId): Promise<ReminderRow[]>
  /** The same of several appointments, each named once, in one read. */
  listMany(
    appointments: readonly { readonly organizationId: string; readonly appointmentId: EntityId }[],
  ): Promise<ReminderRow[]>
  /** PENDING reminders of these people that are due by then, of appointments that start from `now` on. Each person is named once. */
  ofPeople(
    people: readonly { readonly organizationId: string; readonly recipient: RecipientRef }[],
    now: Date,
    until: Date,
  ): Promise<ReminderRow[]>
  /** Reminders that are suspended, first suspended first, after the one at this place. */
  suspended(after: HeldPlace | null, limit: number): Promise<ReminderRow[]>
  /** Those that are there, in any order. */
  find(ids: readonly number[]): Promise<ReminderRow[]>
  /**
   * PENDING rows that are due. Of an appointment that has a row in the answer, all due rows of the channel are there, also
   * past the limit: which of them is sent is decided between them. Read only: nothing is locked or changed. Costs the same
   * however many are pending.
   */
  due(query: DueQuery): Promise<DuePage<ReminderRow>>
}
