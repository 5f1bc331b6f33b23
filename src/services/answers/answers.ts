import { z } from 'zod'
import { NotificationError } from '../../errors.ts'
import type { AnswerCommand, AnswerRow, ReplyCommand } from '../../ports/storage.ts'
import { type Actor, actorSchema, serviceActor } from '../../schemas/audit.ts'
import {
  type EntityId,
  type HostId,
  type HostRef,
  organizationId,
  parseField,
  parseInput,
  type RecipientRef,
  rowId,
} from '../../schemas/common.ts'
import { type AnswerAction, type AnswerVia, answerActions, answerVias } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'
import { readId, readRecipient } from '../shared/ids.ts'
import type { InboundText } from '../shared/inbound-text.ts'
import { locatedAppointment, type Scope } from '../shared/owners.ts'
import { type HookCalls, hookFor } from './hook-calls.ts'
import { type ReadResult, Replies } from './replies.ts'

export type ActCommand = {
  readonly organizationId: string
  readonly appointmentId: EntityId
  readonly recipient: RecipientRef
  readonly action: AnswerAction
  readonly via: AnswerVia
  /** The start that the message named; an appointment that has another one by now is `moved`. Left out: whatever it is. */
  readonly startsAt?: Date
  readonly at: Date
  readonly by: Actor
}

/**
 * `recorded`, or `repeated`: the person had said so already, and nothing changed. Otherwise nothing was recorded: the appointment
 * has `moved`, is `over` (it has started) or `cancelled`, or is `unknown`: there is no plan of it with this person.
 */
export const actResults = ['recorded', 'repeated', 'moved', 'over', 'cancelled', 'unknown'] as const
export type ActResult = { readonly status: (typeof actResults)[number] }

/** What somebody of the organization records. */
export type StaffAnswer = { readonly recipient: HostRef; readonly action: AnswerAction; readonly by?: Actor }

const answerFilter = z.strictObject({
  open: z.boolean().optional(),
  cursor: rowId.optional(),
  limit: z.int().min(1).max(500).optional(),
})
/** `open`: only what nobody has dealt with (default: all). `limit`: 1 to 500, by default 50. */
export type AnswerFilter = z.input<typeof answerFilter>

/** `nextCursor`: for `cursor` of the next page; null on the last. */
export type AnswerPage = { readonly answers: readonly AnswerRow[]; readonly nextCursor: number | null }

const defaultLimit = 50

const actInput = z.strictObject({
  action: z.enum(answerActions),
  via: z.enum(answerVias),
  startsAt: z.date().optional(),
  at: z.date(),
  by: actorSchema,
})

/** What people answer to messages, and what becomes of it. */
export class Answers {
  readonly #context: Context
  readonly #calls: Pick<HookCalls, 'wake'>
  readonly #replies: Replies

  constructor(context: Context, calls: Pick<HookCalls, 'wake'>) {
    this.#context = context
    this.#calls = calls
    this.#replies = new Replies(context, { record: (command) => this.#record(command), wake: () => calls.wake() })
  }

  /**
   * What people answered, and what they wrote that is for people, newest first. `organization` null: of all organizations, and what
   * came to a sender they share.
   * @throws NotificationError `invalid_input`, or one of the `storage_*` errors.
   */
  async list(organization: string | null, filter: AnswerFilter = {}): Promise<AnswerPage> {
    const id = parseField(organizationId.nullable(), organization, 'organizationId')
    const { open = false, cursor, limit = defaultLimit } = parseInput(answerFilter, filter, 'filter')
    const page = { organizationId: id, isOpen: open, limit: limit + 1, ...(cursor !== undefined && { before: cursor }) }
    const rows = await this.#context.options.storage.answers.list(page)
    const answers = rows.slice(0, limit)
    return { answers, nextCursor: rows.length > limit ? (answers.at(-1)?.id ?? null) : null }
  }

  /**
   * Somebody has dealt with it: it is no longer among those that are open. `by`: for the audit log.
   * @throws NotificationError `not_found`: the organization has none of this id.
   */
  async handled(organization: string | null, answerId: number, by: Actor = serviceActor): Promise<AnswerRow> {
    const id = parseField(rowId, answerId, 'answerId')
    const { storage, clock } = this.#context.options
    const row = await storage.answers.handle(id, organization, clock.now(), parseInput(actorSchema, by, 'actor'))
    if (row === null) throw new NotificationError('answer_not_found', `There is no answer ${id}.`)
    return row
  }

  /** Reads a text, and records what it means or hands it to people. */
  read(inbound: InboundText): Promise<ReadResult> {
    return this.#replies.read(inbound)
  }

  /** What is to be kept of a text that is for people, for whoever stores it together with something else, and then calls `kept`. */
  forPeople(inbound: InboundText): Promise<ReplyCommand> {
    return this.#replies.forPeople(inbound)
  }

  kept(reply: ReplyCommand): void {
    this.#replies.kept(reply)
  }

  /**
   * Records an answer about one appointment. Once is once: pressed twice, it is recorded once.
   * @throws NotificationError `invalid_input`, or one of the `storage_*` errors.
   */
  async act({ organizationId: organization, appointmentId, recipient, ...rest }: ActCommand): Promise<ActResult> {
    const { ids } = this.#context.options
    const { startsAt = null, ...input } = parseInput(actInput, rest, 'answer')
    const status = await this.#record({
      ...input,
      startsAt,
      organizationId: parseField(organizationId, organization, 'organizationId'),
      appointmentId: readId(ids, 'appointment', appointmentId, 'appointmentId'),
      recipient: readRecipient(ids, recipient, 'recipient'),
      channel: null,
      address: null,
      messageId: null,
    })
    return { status }
  }

  /**
   * Records what a person said by phone or in the practice. `by`: for the audit log. `scope`: the organization that asks; null: any.
   * @throws NotificationError `appointment_not_found`, `invalid_input`.
   */
  async record(
    appointment: HostId,
    { recipient, action, by = serviceActor }: StaffAnswer,
    scope: Scope = null,
  ): Promise<ActResult> {
    const { ids, clock } = this.#context.options
    const appointmentId = readId(ids, 'appointment', appointment, 'appointmentId')
    const { organizationId } = await locatedAppointment(this.#context, appointmentId, scope)
    const of = {
      organizationId,
      appointmentId,
      recipient: readRecipient(ids, recipient, 'recipient'),
    }
    return this.act({ ...of, action, via: 'staff', at: clock.now(), by })
  }

  /** Whether anything comes of this answer: a hook of the host application hears of it. */
  hears(action: AnswerAction): boolean {
    return hookFor(this.#context.options.hooks, action) !== undefined
  }

  async #record(command: Omit<AnswerCommand, 'notifies'>): Promise<ActResult['status']> {
    const { storage } = this.#context.options
    const { organizationId, appointmentId, recipient, action, via, channel, at } = command
    const outcome = await storage.answers.record({ ...command, notifies: this.hears(action) })
    if (outcome.status !== 'recorded') return outcome.status
    this.#context.events.emit(eventOf[action], { organizationId, appointmentId, recipient, via, channel, at })
    this.#calls.wake()
    return 'recorded'
  }
}

const eventOf = {
  confirm: 'appointment.confirmed',
  change: 'appointment.change_requested',
  cancel: 'appointment.cancel_requested',
} as const
