import type { Channel } from '../channels/index.ts'
import type { EntityId, RecipientRef } from './common.ts'
import type { AnswerAction, AnswerVia, ReplyAbout } from './vocabulary.ts'

/** A person's answer about an appointment. `id` stays the same when a hook is called again for it. */
export type Answer = {
  readonly id: string
  readonly organizationId: string
  readonly appointmentId: EntityId
  readonly recipient: RecipientRef
  readonly action: AnswerAction
  readonly via: AnswerVia
  /** Channel of a text reply; null: the answer came by a link, or staff recorded it. */
  readonly channel: Channel | null
  /**
   * The start of the appointment when the person answered. If it has another start by now, the answer does not apply to
   * that.
   */
  readonly startsAt: Date
  readonly at: Date
}

/** An appointment that a text may be about, and its recipient. */
export type ReplyAppointment = Pick<Answer, 'organizationId' | 'appointmentId' | 'recipient'>

/** A text from a person that needs a person to read it. `id` stays the same when a hook is called again for it. */
export type Reply = {
  readonly id: string
  /** Null: it came to a sender that several organizations share, and nothing shows for which one it is. */
  readonly organizationId: string | null
  readonly about: ReplyAbout
  readonly channel: Channel
  /** Address of the person, in the normal form of the channel. */
  readonly address: string
  readonly text: string
  /** Appointments that it may be about, nearest first: those about which messages to this address asked for an answer. */
  readonly appointments: readonly ReplyAppointment[]
  readonly at: Date
}
