import type { Channel } from '../../channels/index.ts'
import type { ReplyAppointment } from '../../schemas/answer.ts'
import type { Actor } from '../../schemas/audit.ts'
import type { EntityId, RecipientRef } from '../../schemas/common.ts'
import type { AnswerAction, AnswerVia, ReplyAbout } from '../../schemas/vocabulary.ts'
import type { Ask } from './delivery-rows.ts'

/** `notification_answers`: what somebody answered about an appointment, or wrote for people to read. */
export type AnswerRow = {
  readonly id: number
  /** Null: nobody knows to whom it was written. */
  readonly organizationId: string | null
  /** Null, as `recipient`: it is for people, who may find its appointment among `candidates`. */
  readonly appointmentId: EntityId | null
  readonly recipient: RecipientRef | null
  readonly kind: AnswerAction | ReplyAbout
  readonly via: AnswerVia
  readonly channel: Channel | null
  readonly address: string | null
  /** Null: it is a plain answer. */
  readonly text: string | null
  readonly candidates: readonly ReplyAppointment[]
  /** The start that was answered; null of what is for people. */
  readonly startsAt: Date | null
  readonly at: Date
  readonly by: Actor
  /** When the hook is called next, or the end of the lease of whoever calls it; null: it is not to be called. */
  readonly dueAt: Date | null
  readonly attempts: number
  /** Of the last attempt; null: it went well, or there was none. */
  readonly lastError: string | null
  /** When the hook took it. */
  readonly deliveredAt: Date | null
  /** When somebody dealt with it. */
  readonly handledAt: Date | null
}

/** A message that asks about an appointment: whose answer it awaits. */
export type AskedRow = Ask & {
  readonly notificationId: number
  readonly organizationId: string
  readonly appointmentId: EntityId
  readonly recipient: RecipientRef
  readonly channel: Channel
  readonly address: string
  /** When it was sent, or is being sent. */
  readonly askedAt: Date
}

/** An answer about an appointment, to be recorded. */
export type AnswerCommand = {
  readonly organizationId: string
  readonly appointmentId: EntityId
  readonly recipient: RecipientRef
  readonly action: AnswerAction
  readonly via: AnswerVia
  /** The start that the message named; null: it does not matter. */
  readonly startsAt: Date | null
  readonly channel: Channel | null
  readonly address: string | null
  /** The provider's id of the reply; null: it is none. */
  readonly messageId: string | null
  /** A hook is to be called. */
  readonly notifies: boolean
  readonly at: Date
  readonly by: Actor
}
/**
 * `repeated`: the reply was read before, or the person had answered the same. `unknown`: no plan of the appointment has this recipient.
 * `moved`, `over`, `cancelled`: what the appointment is by now. Only `recorded` changed something.
 */
export type AnswerOutcome =
  | { readonly status: 'recorded'; readonly id: number }
  | { readonly status: 'repeated' | 'moved' | 'over' | 'cancelled' | 'unknown' }

/** A text that needs a person to read it, to be recorded. */
export type ReplyCommand = {
  readonly organizationId: string | null
  /** Null: nobody knows whose text it is, or it may be of several people. */
  readonly recipient: RecipientRef | null
  readonly about: ReplyAbout
  readonly channel: Channel
  readonly address: string
  readonly text: string
  readonly messageId: string
  readonly candidates: readonly ReplyAppointment[]
  readonly notifies: boolean
  readonly at: Date
}

/** The call of a hook, by whoever has the row until `until`. */
export type HookClaim = { readonly id: number; readonly dueAt: Date; readonly until: Date }
/** How the call of a hook ended. */
export type HookResult = {
  readonly id: number
  /** The lease it was called under: of a row that somebody else has by now nothing changes. */
  readonly until: Date
  /** Null: the hook took it. */
  readonly fault: { readonly error: string; readonly retryAt: Date } | null
  readonly at: Date
}

/** Which answers to list. */
export type AnswerQuery = {
  /** Null: of all, those of nobody too. */
  readonly organizationId: string | null
  /** Only what nobody has dealt with. */
  readonly isOpen: boolean
  /** The last id of the page before. */
  readonly before?: number
  readonly limit: number
}

/** Reads answers, and messages that asked for one. */
export interface AnswerQueries {
  /** Messages to these addresses that ask about a start after `after`, in any order. */
  asking(channel: Channel, addresses: readonly string[], after: Date): Promise<AskedRow[]>
  /**
   * Whose hook is to be called by now, oldest first; one about an appointment waits for those before it about the same one, so that a
   * hook hears of a change of mind in the order in which it was said.
   */
  due(now: Date, limit: number): Promise<AnswerRow[]>
  /** Of those that wait for their time alone. Null: none is to be called. */
  nextDueAt(): Promise<Date | null>
  /** Those whose last call failed and that are called again, oldest first. */
  failing(limit: number): Promise<AnswerRow[]>
  /** Newest first. */
  list(query: AnswerQuery): Promise<AnswerRow[]>
}

/** Commands of `src/records`. */
export interface AnswerCommands {
  record(command: AnswerCommand): Promise<AnswerOutcome>
  /** False: it was kept before. */
  keepReply(command: ReplyCommand): Promise<boolean>
  /** False: somebody else has it, or it is done. */
  claimHook(claim: HookClaim): Promise<boolean>
  settleHook(result: HookResult): Promise<boolean>
  /** Somebody dealt with it. Null: the organization has none of this id. */
  handle(id: number, organizationId: string | null, at: Date, by: Actor): Promise<AnswerRow | null>
}
export type AnswerStore = AnswerQueries & AnswerCommands
