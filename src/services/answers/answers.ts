import type { Channel } from '../../channels/index.ts'
import type { ReplyAppointment } from '../../schemas/answer.ts'
import type { Actor } from '../../schemas/audit.ts'
import type { EntityId, RecipientRef } from '../../schemas/common.ts'
import type { AnswerAction, AnswerVia, ReplyAbout } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'

/** A text of a person that neither opts out nor in, nor asks for help. */
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

/**
 * `answered`: it means one appointment, and that was recorded. `unclear`: it goes to people. `repeated`: it was read before;
 * nothing changed. `late`: it means an appointment that moved, started or was cancelled since; it goes to people too.
 */
export type ReadResult = {
  readonly status: 'answered' | 'unclear' | 'late' | 'repeated'
  readonly action: AnswerAction | null
  /** The one that was answered, or those that it may mean, nearest first. */
  readonly appointments: readonly ReplyAppointment[]
}

export type ActCommand = {
  readonly organizationId: string
  readonly appointmentId: EntityId
  readonly recipient: RecipientRef
  readonly action: AnswerAction
  readonly via: AnswerVia
  /** The start that the person was told; an appointment that has another one by now is `moved`. Left out: whatever it is. */
  readonly startsAt?: Date
  readonly at: Date
  readonly by: Actor
}

/**
 * `recorded`, or `repeated`: the person had said so already, and nothing changed. Otherwise nothing was recorded: the appointment
 * has `moved`, is `over` (it has started) or `cancelled`, or is `unknown`: there is no plan of it with this person.
 */
export type ActResult = { readonly status: 'recorded' | 'repeated' | 'moved' | 'over' | 'cancelled' | 'unknown' }

/** What people answer to messages, and what becomes of it. */
export class Answers {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** Reads a text, and records what it means or hands it to people. */
  async read(inbound: InboundText): Promise<ReadResult> {
    void this.#context
    return { status: 'unclear', action: null, appointments: inbound.repliesTo === null ? [] : [] }
  }

  /** Records an answer about one appointment. Once is once: pressed twice, it is recorded once. */
  async act(command: ActCommand): Promise<ActResult> {
    void command
    return { status: 'unknown' }
  }

  /** Whether anything comes of this answer: a hook of the host application hears of it. */
  hears(action: AnswerAction): boolean {
    void action
    return false
  }
}
