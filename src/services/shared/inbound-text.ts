import type { Channel } from '../../channels/index.ts'
import type { ReplyCommand } from '../../ports/storage.ts'
import type { ReplyAbout } from '../../schemas/vocabulary.ts'

/** A text of a person, for whoever reads answers. */
export type InboundText = {
  /** Null: it came to a sender that several organizations share. */
  readonly organizationId: string | null
  readonly channel: Channel
  /** Who wrote it, in the normal form of the channel. */
  readonly address: string
  /** To which of our senders; null: the provider does not say. */
  readonly sender: string | null
  readonly text: string
  /** The provider's id of it: the same text delivered again is read once. */
  readonly messageId: string
  readonly at: Date
  /** What the pressed button of a message carries; null: no button was pressed. */
  readonly payload: string | null
  /** The provider's id of the message that it replies to; null: unknown. */
  readonly repliesTo: string | null
  /** Left out or `reply`: it is read as an answer. Otherwise it goes to people at once, with the appointments it may mean. */
  readonly about?: ReplyAbout
}

/** Reads what people write that is about no consent, or that people are to read. */
export type AnswerReader = {
  /** Records what a text answers, or keeps it for people. */
  read(text: InboundText): Promise<unknown>
  /** What is to be kept for people, to be stored together with something else; then `kept` is called. */
  forPeople(text: InboundText): Promise<ReplyCommand>
  kept(reply: ReplyCommand): void
}
