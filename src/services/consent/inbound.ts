import { channelOf } from '../../channels/index.ts'
import { isActive } from '../../domain/appointment.ts'
import { isSamePerson } from '../../domain/consent.ts'
import { addressKey } from '../../domain/effective.ts'
import { understand } from '../../messages/index.ts'
import { type AddressRow, type ConsentCommand, type NewInbound, type Party, sharedSender } from '../../ports/storage.ts'
import type { InboundMessage } from '../../ports/webhook.ts'
import { systemActor } from '../../schemas/audit.ts'
import type { EntityId } from '../../schemas/common.ts'
import { loadNumberingPlans } from '../../schemas/phone-number.ts'
import type { InboundMeaning, InboundReply } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import type { AnswerReader, InboundText } from '../shared/inbound-text.ts'
import { peopleAt, sendersBy, takenStill } from '../shared/people.ts'
import { type InboundAccount, InboundReplies } from './inbound-replies.ts'

type Received = { readonly account: InboundAccount; readonly message: InboundMessage; readonly address: string }

/** Whom a message is about. */
type Concerned = {
  readonly people: readonly Party[]
  /** Those that send by the account. */
  readonly organizations: readonly string[]
  /** Whom an opt-out by the address concerned, and of whom the directory cannot say whether they have it still. */
  readonly unsure: readonly Party[]
}
const nobody: Concerned = { people: [], organizations: [], unsure: [] }

const byOptOutType = { STOP: 'stop', START: 'start', HELP: 'help' } as const

/** What people write to senders: what is about their consent is carried out, the rest is handed on. */
export class Inbound {
  readonly #context: Context
  readonly #answers: AnswerReader | null
  readonly #replies: InboundReplies

  /** `answers`: null, nobody reads what is about no consent. */
  constructor(context: Context, answers: AnswerReader | null = null) {
    this.#context = context
    this.#answers = answers
    this.#replies = new InboundReplies(context)
  }

  /**
   * Once for each message, however often it is reported. Returns what the reply to the webhook tells the person, if it can
   * (`canRespond`); null: nothing, as where the provider answers by itself.
   * @throws NotificationError one of the `storage_*` errors, or whatever the reader of answers throws: the provider reports again.
   */
  async receive(account: InboundAccount, message: InboundMessage, canRespond: boolean): Promise<string | null> {
    const { channel } = account
    await loadNumberingPlans()
    const read = channelOf(channel).address.read(message.from, null)
    if (read.address === null) {
      this.#context.options.logger.warn('message from an unreadable address left out', { channel })
      return null
    }
    const received = { account, message, address: addressKey(channel, read.address) }
    const organizationId = account.organizationId ?? sharedSender
    const { storage } = this.#context.options
    const kept = { accountId: account.id, messageId: message.messageId, organizationId }
    if (await storage.consents.isKept(kept)) return null
    const [row] = await storage.addresses.find([{ organizationId, channel, address: received.address }])
    const { meaning, mayCancel } = meaningOf(message, row)
    const concerned = acts[meaning] === null ? nobody : await this.#concerned(received, row, acts[meaning])
    if (meaning === 'other' || meaning === 'yes') await this.#answers?.read(this.#textOf(received))
    const command = this.#command(received, meaning, concerned, row)
    const about = forPeople(meaning, mayCancel, concerned)
    const handOver = about === null ? null : ((await this.#answers?.forPeople(this.#textOf(received, about))) ?? null)
    const outcome = await storage.consents.change({ ...command, inbound: { ...command.inbound, handOver } })
    if (outcome.status === 'known') return null
    if (command.act !== null) this.#context.replanQueued()
    if (handOver !== null) this.#answers?.kept(handOver)
    this.#announce(received, command, mayCancel ? await this.#ahead(received) : null)
    const { reply } = command.inbound
    if (reply === null || !outcome.isAnswered) return null
    const { to, messageId } = message
    return this.#replies.tell(
      { account, from: read.address, address: received.address, to, messageId },
      reply,
      canRespond,
    )
  }

  /**
   * Who has the address, and whose preferences an opt-out by it changed. A START brings back nobody of whom the directory cannot say so:
   * silence harms less than a message.
   */
  async #concerned(
    { account, address }: Received,
    row: AddressRow | undefined,
    act: ConsentCommand['act'],
  ): Promise<Concerned> {
    const at = { channel: account.channel, address }
    const isStart = act === 'given'
    const found = await peopleAt(this.#context, at, account.organizationId, isStart)
    const organizations = [...new Set(found.map(({ organizationId }) => organizationId))]
    // What staff of an organization record, or decide, is noted at its own address.
    const own = account.organizationId === null ? organizations : []
    const refs = own.map((organizationId) => ({ organizationId, ...at }))
    const rows = refs.length === 0 ? [] : await this.#context.options.storage.addresses.find(refs)
    const noted = [...(row === undefined ? [] : [row]), ...rows].flatMap((one) => one.taken)
    const isConcerned = await sendersBy(this.#context, at.channel, account.organizationId, noted)
    // What a refusal took comes back also to those of a clinic that has a sender of its own by now.
    const { theirs, unsure } = await takenStill(this.#context, at, isStart ? noted : noted.filter(isConcerned), found)
    const all = [...found, ...theirs]
    return {
      people: all.filter((one, index) => all.findIndex((other) => isSamePerson(one, other)) === index),
      organizations,
      unsure: isStart ? unsure : [],
    }
  }

  #command(
    { account, message, address }: Received,
    meaning: InboundMeaning,
    { people, organizations, unsure }: Concerned,
    row: AddressRow | undefined,
  ): ConsentCommand & { readonly inbound: NewInbound } {
    const { channel } = account
    const now = this.#context.options.clock.now()
    const writtenAt = message.at !== null && message.at < now ? message.at : now
    // A START counts from when it was written: one that is reported after a later STOP opens nothing.
    const at = acts[meaning] === 'given' ? writtenAt : now
    const isLate = acts[meaning] === 'given' && (row?.suppression?.since ?? at) > at
    const home = account.organizationId ?? sharedSender
    const deciders = account.organizationId === null ? organizations : [account.organizationId]
    // Where nobody was ever written to, there is nobody to hold messages for, nor to decide.
    const act = isLate || (meaning === 'doubt' && deciders.length === 0) ? null : acts[meaning]
    const others = organizations.filter((one) => one !== home)
    // Each organization decides for itself what its people meant.
    const named = act === 'doubted' ? deciders : act === 'given' ? [home, ...others] : [home]
    const isAnswered = message.optOutType !== undefined || message.isAnswered === true || unsure.length > 0
    const inbound: NewInbound = {
      accountId: account.id,
      messageId: message.messageId,
      organizationId: home,
      channel,
      address,
      meaning,
      text: act === 'doubted' ? message.text : null,
      at: now,
      writtenAt,
      reply: isAnswered ? null : (replies[meaning] ?? null),
      handOver: null,
      deciders: act === 'doubted' ? deciders : [],
    }
    return {
      act,
      how: 'text',
      wording: null,
      at,
      by: systemActor,
      people: act === 'refused' || act === 'given' ? people : [],
      channels: [channel],
      categories: null,
      addresses: named.map((organizationId) => ({ organizationId, channel, address })),
      cause: 'stop',
      code: message.optOutType === undefined ? `text_${meaning}` : 'provider_opt_out',
      onlyTaken: act === 'given',
      unsure,
      inbound,
    }
  }

  #textOf({ account, message, address }: Received, about?: InboundText['about']): InboundText {
    const { organizationId, channel } = account
    return {
      organizationId,
      channel,
      address,
      sender: message.to,
      text: message.text,
      messageId: message.messageId,
      at: message.at ?? this.#context.options.clock.now(),
      payload: message.payload ?? null,
      repliesTo: message.repliesTo ?? null,
      ...(about === undefined ? {} : { about }),
    }
  }

  #announce({ account, message }: Received, { act, people, at }: ConsentCommand, ahead: Ahead | null): void {
    const { events } = this.#context
    const { channel, organizationId } = account
    const about = { organizationId, channel, messageId: message.messageId, at }
    if (act === null || act === 'cleared') events.emit('inbound.received', about)
    else {
      events.emit(`consent.${act}`, { ...about, recipients: people.map(({ recipient }) => recipient) })
    }
    for (const [organization, appointmentIds] of ahead ?? []) {
      events.emit('possible_cancel_request', { ...about, organizationId: organization, appointmentIds })
    }
    if (ahead?.size === 0) events.emit('possible_cancel_request', { ...about, appointmentIds: [] })
  }

  /** The appointments ahead that the person was written to about, by organization. */
  async #ahead({ account, address }: Received): Promise<Ahead> {
    const { storage, clock, logger } = this.#context.options
    const { organizationId, channel } = account
    const { rows } = await storage.deliveries.list({
      channel,
      recipientAddress: address,
      ...(organizationId === null ? {} : { organizationId }),
      limit: 50,
      offset: 0,
    })
    const isConcerned = await sendersBy(this.#context, channel, organizationId, rows)
    const ids = [...new Set(rows.filter(isConcerned).flatMap(({ appointmentId }) => appointmentId ?? []))]
    try {
      const lookup = await this.#context.host.appointments(ids)
      const now = clock.now()
      const found = ids.flatMap((id) => {
        const one = lookup(id)
        if (one.kind !== 'known' || !isActive(one.value.status) || one.value.start.instant <= now) return []
        return [{ id, organizationId: one.value.organizationId }]
      })
      const byOrganization = Map.groupBy(found, (one) => one.organizationId)
      return new Map([...byOrganization].map(([id, ones]) => [id, ones.map((one) => one.id)]))
    } catch (fault) {
      logger.warn('appointments that a message may mean not read', { channel, fault: faultOf(fault) })
      return new Map()
    }
  }
}

type Ahead = ReadonlyMap<string, readonly EntityId[]>

const acts = {
  stop: 'refused',
  cancel: 'refused',
  start: 'given',
  doubt: 'doubted',
  yes: null,
  help: null,
  other: null,
} as const satisfies Record<InboundMeaning, ConsentCommand['act']>

const replies: Partial<Record<InboundMeaning, InboundReply>> = {
  stop: 'stopped',
  cancel: 'stopped',
  start: 'started',
  help: 'help',
}

/**
 * Why people are to read it, beside what is done by itself: it may be an opt-out or ask to cancel, or nobody is known whom it concerns; null:
 * they are not.
 */
function forPeople(
  meaning: InboundMeaning,
  mayCancel: boolean,
  { people, unsure }: Concerned,
): InboundText['about'] | null {
  if (meaning === 'doubt') return 'consent_in_doubt'
  if (mayCancel) return 'possible_cancel_request'
  const isUnknown = acts[meaning] === 'refused' && people.length === 0
  return isUnknown || unsure.length > 0 ? 'consent_in_doubt' : null
}

/** A button means what its message says, unless its words are an opt-out or may be one. Carriers take YES for a start where somebody had stopped. */
function meaningOf({ text, optOutType, payload }: InboundMessage, row: AddressRow | undefined) {
  const understood = understand(text)
  if (optOutType !== undefined) return { ...understood, meaning: byOptOutType[optOutType] }
  const isOptOut = understood.meaning === 'stop' || (understood.meaning === 'doubt' && !understood.mayCancel)
  if (payload !== undefined && !isOptOut) return { meaning: 'other', mayCancel: false } as const
  const isStopped = row?.suppression?.cause === 'stop'
  return understood.meaning === 'yes' && isStopped ? { ...understood, meaning: 'start' as const } : understood
}
