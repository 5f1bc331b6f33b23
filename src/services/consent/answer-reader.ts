import type { Channel } from '../../channels/index.ts'

/** A message of a person, for whoever reads answers. */
export type InboundAnswer = {
  /** Whose sender it was written to; null: a sender of the host application, by which several organizations may send. */
  readonly organizationId: string | null
  readonly channel: Channel
  /** Of the person, in the channel's normal form. */
  readonly address: string
  /** The sender that it was written to, in the channel's normal form where it has one; null: the provider names none. */
  readonly sender: string | null
  readonly text: string
  /** Of the provider. The same message is given once, and again where the reader rejected. */
  readonly messageId: string
  readonly at: Date
  /** Of the button that was pressed; null: none was. */
  readonly payload: string | null
  /** The provider's id of the message that it answers; null: unknown. */
  readonly repliesTo: string | null
  /** Why people are to read it; left out: it is about no consent, and may be an answer. */
  readonly about?: 'possible_cancel_request' | 'consent_in_doubt'
}

/** Reads what people answer that is about no consent. */
export type AnswerReader = (answer: InboundAnswer) => Promise<unknown>
