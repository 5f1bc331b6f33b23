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
  /**
   * The start that the message named: if the appointment has another start by now, the result is `moved`. Left out: any
   * start.
   */
  readonly startsAt?: Date
  readonly at: Date
  readonly by: Actor
}

/**
 * Result of recording an answer. `recorded`: it is new. `repeated`: the person had answered the same before, and nothing
 * changed. Otherwise nothing was recorded: the appointment has another start by now (`moved`), has started (`over`), is
 * `cancelled`, or has no plan with this person (`unknown`).
 */
export const actResults = ['recorded', 'repeated', 'moved', 'over', 'cancelled', 'unknown'] as const
/**
 * Result of recording an answer. `recorded`: it is new. `repeated`: the person had answered the same before, and nothing
 * changed. Otherwise nothing was recorded: the appointment has another start by now (`moved`), has started (`over`), is
 * `cancelled`, or has no plan with this person (`unknown`).
 */
export type ActResult = { readonly status: (typeof actResults)[number] }

/** An answer that staff record for a recipient. `by`: who records it, for the audit log; default: the service. */
export type StaffAnswer = { readonly recipient: HostRef; readonly action: AnswerAction; readonly by?: Actor }

const answerFilter = z.strictObject({
  /** True: only those that nobody has handled. Default false. */
  open: z.boolean().optional(),
  /** `nextCursor` of the previous page. Default: the newest. */
  cursor: rowId.optional(),
  /** Page size, 1 to 500. Default 50. */
  limit: z.int().min(1).max(500).optional(),
})
/** Which answers to list. */
export type AnswerFilter = z.input<typeof answerFilter>

/** A page of answers and texts, newest first. `nextCursor`: `cursor` of the next page; null on the last. */
export type AnswerPage = { readonly answers: readonly AnswerRow[]; readonly nextCursor: number | null }

const defaultLimit = 50

const actInput = z.strictObject({
  action: z.enum(answerActions),
  via: z.enum(answerVias),
  startsAt: z.date().optional(),
  at: z.date(),
  by: actorSchema,
})

/** What people answered about appointments, and texts from them that need a person to read them. */
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
   * Answers about appointments, and texts that need a person to read them, newest first. `organization` null: of all
   * organizations, and texts to a sender that several organizations share.
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
   * Marks an answer or text as handled, so that it is no longer `open`. Resolves with it. `by`: who handled it, for the
   * audit log; default: the service.
   * @throws NotificationError `answer_not_found`: the organization has no answer with this id.
   */
  async handled(organization: string | null, answerId: number, by: Actor = serviceActor): Promise<AnswerRow> {
    const id = parseField(rowId, answerId, 'answerId')
    const { storage, clock } = this.#context.options
    const row = await storage.answers.handle(id, organization, clock.now(), parseInput(actorSchema, by, 'actor'))
    if (row === null) throw new NotificationError('answer_not_found', `There is no answer ${id}.`)
    return row
  }

  /** Reads a text, and records the answer it contains, or keeps it for a person to read. */
  read(inbound: InboundText): Promise<ReadResult> {
    return this.#replies.read(inbound)
  }

  /**
   * The row for a text that needs a person to read it, for a caller that stores it together with something else, and then
   * calls `kept`.
   */
  forPeople(inbound: InboundText): Promise<ReplyCommand> {
    return this.#replies.forPeople(inbound)
  }

  kept(reply: ReplyCommand): void {
    this.#replies.kept(reply)
  }

  /**
   * Records an answer about one appointment. A repeated answer is recorded once.
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
   * Records what a person answered by phone or on site. `scope`: only appointments of this organization are found; default
   * null: of any.
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

  /** Whether the host application has a hook for this answer. */
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
