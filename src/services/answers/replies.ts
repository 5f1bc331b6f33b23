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
import type { AnswerCommand, AnswerOutcome, AskedRow, PlanRow, ReplyCommand } from '../../ports/storage.ts'
import type { ReplyAppointment } from '../../schemas/answer.ts'
import type { Actor } from '../../schemas/audit.ts'
import type { RecipientRef } from '../../schemas/common.ts'
import type { AnswerAction } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'
import type { InboundText } from '../shared/inbound-text.ts'

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

/** What becomes of a reply. */
type Outlets = {
  readonly record: (command: Omit<AnswerCommand, 'notifies'>) => Promise<AnswerOutcome['status']>
  /** A hook is to be called. */
  readonly wake: () => void
}

/** Finds out what a text answers, and about which appointment. */
export class Replies {
  readonly #context: Context
  readonly #outlets: Outlets
  #words: Promise<AnswerWords> | null = null

  constructor(context: Context, outlets: Outlets) {
    this.#context = context
    this.#outlets = outlets
  }

  /** Reads a text, and records what it means or hands it to people. */
  async read(text: InboundText): Promise<ReadResult> {
    const inbound = this.#inTime(text)
    const { questions, plans, open } = await this.#asked(inbound)
    const said = (inbound.about ?? 'reply') === 'reply' ? await this.#understood(inbound) : null
    if (said === null) return this.#toPeople(inbound, open, null, 'unclear')
    const replied = await this.#repliedTo(inbound, said.code)
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
    const status = await this.#outlets.record({ ...command, via: 'reply', by: actorOf(recipient) })
    const appointments = [{ organizationId, appointmentId, recipient }]
    if (status === 'recorded') return { status: 'answered', action, appointments }
    if (status === 'repeated') return { status, action, appointments }
    return this.#toPeople(inbound, [meant], action, 'late')
  }

  /** What is kept of a text that is for people, whoever stores it. */
  async forPeople(text: InboundText): Promise<ReplyCommand> {
    const inbound = this.#inTime(text)
    return this.#kept(inbound, (await this.#asked(inbound)).open)
  }

  /** It was stored: the hook is to be called. */
  kept({ organizationId, about, channel, candidates: appointments, at }: ReplyCommand): void {
    this.#context.events.emit('reply.received', { organizationId, about, channel, appointments, at })
    this.#outlets.wake()
  }

  /** A provider whose clock is ahead must not put off what becomes of it. */
  #inTime(text: InboundText): InboundText {
    return { ...text, at: earlier(text.at, this.#context.options.clock.now()) }
  }

  /** What was asked at the address, and of that what is still to come. */
  async #asked(inbound: InboundText) {
    const questions = await this.#questions(inbound)
    const plans = await this.#plansOf(questions)
    return { questions, plans, open: questions.filter((one) => plans(one)?.status === 'active') }
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
  async #repliedTo(
    { repliesTo, organizationId, channel, address }: InboundText,
    code: string | null,
  ): Promise<AskedRow | null> {
    if (repliesTo === null) return null
    const key = channelOf(channel).address.key(address)
    const rows = await this.#context.options.storage.deliveries.ofProvider([repliesTo])
    const found: AskedRow[] = []
    for (const row of rows) {
      const { appointmentId, ask, recipientAddress } = row
      const isOwn = organizationId === null || row.organizationId === organizationId
      if (!isOwn || appointmentId === null || ask === null || recipientAddress !== key || row.channel !== channel)
        continue
      const { id: notificationId, recipient } = row
      const about = { notificationId, organizationId: row.organizationId, appointmentId, recipient }
      found.push({ ...ask, ...about, channel, address: key, askedAt: row.sentAt ?? row.updatedAt })
    }
    // One that asked about several appointments says by the code which one is meant.
    const [first = null, ...others] = found
    return others.length === 0 ? first : (found.find((one) => one.code === code) ?? null)
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
    inbound: InboundText,
    questions: readonly AskedRow[],
    action: AnswerAction | null,
    status: 'unclear' | 'late',
  ): Promise<ReadResult> {
    const reply = await this.#kept(inbound, questions)
    const appointments = reply.candidates
    if (!(await this.#context.options.storage.answers.keepReply(reply))) {
      return { status: 'repeated', action, appointments }
    }
    this.kept(reply)
    return { status, action, appointments }
  }

  async #kept(
    { about = 'reply', channel, address, text, messageId, at, organizationId }: InboundText,
    questions: readonly AskedRow[],
  ): Promise<ReplyCommand> {
    const candidates = latestAsked(questions).map((one) => ({
      organizationId: one.organizationId,
      appointmentId: one.appointmentId,
      recipient: one.recipient,
    }))
    const people = candidates.length > 0 ? candidates : await this.#writtenTo(channel, address, organizationId)
    return {
      organizationId: organizationId ?? sole(people.map((one) => one.organizationId)),
      recipient: sole(people.map((one) => one.recipient)),
      about,
      channel,
      address,
      text,
      messageId,
      candidates,
      notifies: this.#context.options.hooks.onReply !== undefined,
      at,
    }
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

const actorOf = ({ type, id }: RecipientRef): Actor =>
  type === 'PATIENT' ? { kind: 'patient', id } : type === 'CLIENT' ? { kind: 'client', id } : { kind: 'staff', id }

const inContext = (one: AskedRow, plan: PlanRow | undefined) => {
  const since = (plan?.answers ?? []).filter(({ at }) => at >= one.askedAt)
  return { ...one, startsAt: one.until, isConfirmed: isConfirmedBy(since, one.recipient) }
}

const latestAsked = (rows: readonly AskedRow[]) => latestOfEach(rows.map((one) => inContext(one, undefined)))

/** Nothing is open any more: the one appointment that was asked about is cancelled or gone, which whoever records it finds. */
const onlyOf = (open: readonly AskedRow[], all: readonly AskedRow[]): AskedRow | null =>
  open.length === 0 && all.length === 1 ? (all[0] ?? null) : null

/** What all of them are; null where they differ, or there is none. */
function sole<T>(values: readonly T[]): T | null {
  const [first] = values
  return first !== undefined && values.every((one) => JSON.stringify(one) === JSON.stringify(first)) ? first : null
}
