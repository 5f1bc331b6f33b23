import { z } from 'zod'
import { type Channel, channelOf } from '../../channels/index.ts'
import {
  type AnswerWords,
  askedBy,
  isConfirmedBy,
  joinedWords,
  latestOfEach,
  plainWords,
  questionFor,
  readAnswer,
} from '../../domain/answer.ts'
import { NotificationError } from '../../errors.ts'
import type { AnswerRow, AskedRow, PlanRow } from '../../ports/storage.ts'
import type { ReplyAppointment } from '../../schemas/answer.ts'
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
import {
  type AnswerAction,
  type AnswerVia,
  answerActions,
  answerVias,
  type ReplyAbout,
} from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'
import { readId, readRecipient } from '../shared/ids.ts'
import { locatedAppointment, type Scope } from '../shared/owners.ts'
import { type HookCalls, hookFor } from './hook-calls.ts'

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
 * `answered`: it means one appointment, and that was recorded. `unclear`: it goes to people. `repeated`: it was read before, or says
 * what the person said before; nothing changed. `late`: it means an appointment that moved, started or was cancelled since, and goes to people.
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
  #words: Promise<AnswerWords> | null = null

  constructor(context: Context, calls: Pick<HookCalls, 'wake'>) {
    this.#context = context
    this.#calls = calls
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
  async read(text: InboundText): Promise<ReadResult> {
    // A provider whose clock is ahead must not put off what becomes of it.
    const inbound = { ...text, at: earlier(text.at, this.#context.options.clock.now()) }
    const { about = 'reply' } = inbound
    const questions = await this.#questions(inbound)
    const plans = await this.#plansOf(questions)
    const open = questions.filter((one) => plans(one)?.status === 'active')
    const said = about === 'reply' ? await this.#understood(inbound) : null
    if (said === null) return this.#toPeople(inbound, open, null, 'unclear')
    const replied = await this.#repliedTo(inbound)
    const meant =
      replied ??
      questionFor(
        said,
        open.map((one) => inContext(one, plans(one))),
      ) ??
      onlyOf(open, questions)
    const isOther = said.code !== null && meant !== null && meant.code !== said.code
    if (meant === null || isOther) return this.#toPeople(inbound, open, said.action, 'unclear')
    const { organizationId, appointmentId, recipient, until: startsAt } = meant
    const { action } = said
    const { channel, address, messageId, at } = inbound
    const command = { organizationId, appointmentId, recipient, action, startsAt, channel, address, messageId, at }
    const status = await this.#record({ ...command, via: 'reply', by: actorOf(recipient) })
    const appointments = [{ organizationId, appointmentId, recipient }]
    if (status === 'recorded') return { status: 'answered', action, appointments }
    if (status === 'repeated') return { status, action, appointments }
    return this.#toPeople(inbound, [meant], action, 'late')
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

  async #record(command: Omit<Parameters<Store['record']>[0], 'notifies'>): Promise<ActResult['status']> {
    const { storage } = this.#context.options
    const { organizationId, appointmentId, recipient, action, via, channel, at } = command
    const outcome = await storage.answers.record({ ...command, notifies: this.hears(action) })
    if (outcome.status !== 'recorded') return outcome.status
    this.#context.events.emit(eventOf[action], { organizationId, appointmentId, recipient, via, channel, at })
    this.#calls.wake()
    return 'recorded'
  }

  /** Open questions to the address, of the sender that it wrote to. */
  async #questions({ channel, address, sender, organizationId, at }: InboundText): Promise<AskedRow[]> {
    const key = channelOf(channel).address.key(address)
    const rows = await this.#context.options.storage.answers.asking(channel, [key], at)
    const own = (one: AskedRow) => organizationId === null || one.organizationId === organizationId
    return latestAsked(rows.filter((one) => own(one) && askedBy(one, sender)))
  }

  async #plansOf(questions: readonly AskedRow[]): Promise<(one: AskedRow) => PlanRow | undefined> {
    const ids = questions.map(({ appointmentId }) => appointmentId)
    const plans = ids.length === 0 ? [] : await this.#context.options.storage.plans.find(ids)
    return (one) =>
      plans.find((plan) => plan.organizationId === one.organizationId && plan.appointmentId === one.appointmentId)
  }

  /** The message that the provider says it replies to, if that one asked. */
  async #repliedTo({ repliesTo, organizationId, channel, address }: InboundText): Promise<AskedRow | null> {
    if (repliesTo === null) return null
    const key = channelOf(channel).address.key(address)
    const rows = await this.#context.options.storage.deliveries.ofProvider([repliesTo])
    for (const row of rows) {
      const { appointmentId, ask, recipientAddress } = row
      const isOwn = organizationId === null || row.organizationId === organizationId
      if (!isOwn || appointmentId === null || ask === null || recipientAddress !== key || row.channel !== channel)
        continue
      const { id: notificationId, recipient } = row
      const about = { notificationId, organizationId: row.organizationId, appointmentId, recipient }
      return { ...ask, ...about, channel, address: key, askedAt: row.sentAt ?? row.updatedAt }
    }
    return null
  }

  /** A pressed button says it in its payload or in its words. */
  async #understood({ payload, text }: InboundText) {
    this.#words ??= this.#loadWords()
    const words = await this.#words
    return (payload === null ? null : readAnswer(payload, words)) ?? readAnswer(text, words)
  }

  async #loadWords(): Promise<AnswerWords> {
    const lists = await this.#context.languages.answerWords()
    return joinedWords(
      lists.map(({ confirm, change, courtesy }) => ({
        confirm: confirm.map(plainWords),
        change: change.map(plainWords),
        courtesy: courtesy.map(plainWords),
      })),
    )
  }

  async #toPeople(
    { about = 'reply', channel, address, text, messageId, at, organizationId }: InboundText,
    questions: readonly AskedRow[],
    action: AnswerAction | null,
    status: 'unclear' | 'late',
  ): Promise<ReadResult> {
    const { storage, hooks } = this.#context.options
    const appointments = latestAsked(questions).map((one) => ({
      organizationId: one.organizationId,
      appointmentId: one.appointmentId,
      recipient: one.recipient,
    }))
    const people = appointments.length > 0 ? appointments : await this.#writtenTo(channel, address, organizationId)
    const owner = organizationId ?? sole(people.map((one) => one.organizationId))
    const isKept = await storage.answers.keepReply({
      organizationId: owner,
      recipient: sole(people.map((one) => one.recipient)),
      about,
      channel,
      address,
      text,
      messageId,
      candidates: appointments,
      notifies: hooks.onReply !== undefined,
      at,
    })
    if (!isKept) return { status: 'repeated', action, appointments }
    this.#context.events.emit('reply.received', { organizationId: owner, about, channel, appointments, at })
    this.#calls.wake()
    return { status, action, appointments }
  }

  /** Whom the last messages to the address were for. */
  async #writtenTo(channel: Channel, address: string, organizationId: string | null) {
    const recipientAddress = channelOf(channel).address.key(address)
    const own = organizationId === null ? {} : { organizationId }
    const { rows } = await this.#context.options.storage.deliveries.list({
      recipientAddress,
      channel,
      ...own,
      limit: 20,
      offset: 0,
    })
    return rows
  }
}

const earlier = (one: Date, other: Date): Date => (one < other ? one : other)

type Store = Context['options']['storage']['answers']

const eventOf = {
  confirm: 'appointment.confirmed',
  change: 'appointment.change_requested',
  cancel: 'appointment.cancel_requested',
} as const

const actorOf = ({ type, id }: RecipientRef): Actor =>
  type === 'PATIENT' ? { kind: 'patient', id } : type === 'CLIENT' ? { kind: 'client', id } : { kind: 'staff', id }

const inContext = (one: AskedRow, plan: PlanRow | undefined) => ({
  ...one,
  startsAt: one.until,
  isConfirmed: isConfirmedBy(plan?.answers ?? [], one.recipient),
})

const latestAsked = (rows: readonly AskedRow[]) => latestOfEach(rows.map((one) => inContext(one, undefined)))

/** Nothing is open any more: the one appointment that was asked about is cancelled or gone, which whoever records it finds. */
const onlyOf = (open: readonly AskedRow[], all: readonly AskedRow[]): AskedRow | null =>
  open.length === 0 && all.length === 1 ? (all[0] ?? null) : null

/** What all of them are; null where they differ, or there is none. */
function sole<T>(values: readonly T[]): T | null {
  const [first] = values
  return first !== undefined && values.every((one) => JSON.stringify(one) === JSON.stringify(first)) ? first : null
}
