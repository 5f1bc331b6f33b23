import type { Channel } from '../channels/index.ts'
import type { EntityId, RecipientRef } from './common.ts'
import type { AnswerAction, AnswerVia, ReplyAbout } from './vocabulary.ts'

/** What a person answered about an appointment. `id` stays the same when it is delivered again. */
export type Answer = {
  readonly id: string
  readonly organizationId: string
  readonly appointmentId: EntityId
  readonly recipient: RecipientRef
  readonly action: AnswerAction
  readonly via: AnswerVia
  /** The channel of a reply; null: not by a message. */
  readonly channel: Channel | null
  /** The start it was given for. If the appointment has another one by now, it is no answer to that. */
  readonly startsAt: Date
  readonly at: Date
}

export type ReplyAppointment = Pick<Answer, 'organizationId' | 'appointmentId' | 'recipient'>

/** A text of a person that is for people to read. `id` stays the same when it is delivered again. */
export type Reply = {
  readonly id: string
  /** Null: it came to a sender that several organizations share, and no message shows whose it is. */
  readonly organizationId: string | null
  readonly about: ReplyAbout
  readonly channel: Channel
  /** Whose text it is, in the normal form of the channel. */
  readonly address: string
  readonly text: string
  /** The appointments it may mean, nearest first: those that messages to the address asked about. */
  readonly appointments: readonly ReplyAppointment[]
  readonly at: Date
}
