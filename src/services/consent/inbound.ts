import { type Channel, channelOf } from '../../channels/index.ts'
import { isActive } from '../../domain/appointment.ts'
import { isSamePerson } from '../../domain/consent.ts'
import { addressKey } from '../../domain/effective.ts'
import { inboundReply, type ReplyKind, understand } from '../../messages/index.ts'
import { type AddressRow, type ConsentCommand, type NewInbound, type Party, sharedSender } from '../../ports/storage.ts'
import type { InboundMessage } from '../../ports/webhook.ts'
import { systemActor } from '../../schemas/audit.ts'
import { type EntityId, usualLocale } from '../../schemas/common.ts'
import type { InboundMeaning } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import type { AnswerReader, InboundText } from '../shared/inbound-text.ts'
import { peopleAt, takenStill } from '../shared/people.ts'

/** To whose sender people wrote. */
type Account = { readonly id: string; readonly organizationId: string | null; readonly channel: Channel }
type Received = { readonly account: Account; readonly message: InboundMessage; readonly address: string }

const byOptOutType = { STOP: 'stop', START: 'start', HELP: 'help' } as const

/** What people write to senders: what is about their consent is carried out, the rest is handed on. */
export class Inbound {
  readonly #context: Context
  readonly #answers: AnswerReader | null

  /** `answers`: null, nobody reads what is about no consent. */
  constructor(context: Context, answers: AnswerReader | null = null) {
    this.#context = context
    this.#answers = answers
  }

  /**
   * Once for each message, however often it is reported. Returns what is answered to the person; null: nothing, as where the provider
   * has answered.
   * @throws NotificationError one of the `storage_*` errors, or whatever the reader of answers throws: the provider reports again.
   */
  async receive(account: Account, message: InboundMessage): Promise<string | null> {
    const { channel } = account
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
    const parties = meaning === 'help' || meaning === 'other' ? [] : await this.#parties(received, row)
    if (meaning === 'other' || meaning === 'yes') await this.#hand(received)
    const command = this.#command(received, meaning, parties, row)
    const outcome = await storage.consents.change(command)
    if (outcome.status === 'known') return null
    if (command.act !== null) this.#context.replanQueued()
    await this.#handToStaff(
      received,
      command.act === 'doubted' ? 'consent_in_doubt' : mayCancel ? 'possible_cancel_request' : null,
    )
    this.#announce(received, command, mayCancel ? await this.#ahead(received) : null)
    const isAnswered = message.optOutType === undefined && (meaning !== 'start' || command.act !== null)
    const kind = isAnswered ? replies[meaning] : undefined
    return kind === undefined ? null : this.#reply(kind, received)
  }

  /** Who has the address, and whose preferences an opt-out by it changed. */
  async #parties({ account, address }: Received, row: AddressRow | undefined): Promise<readonly Party[]> {
    const at = { channel: account.channel, address }
    const found = await peopleAt(this.#context, at, account.organizationId)
    // What staff of an organization record, or decide, is noted at its own address.
    const own = account.organizationId === null ? new Set(found.map(({ organizationId }) => organizationId)) : []
    const refs = [...own].map((organizationId) => ({ organizationId, ...at }))
    const rows = refs.length === 0 ? [] : await this.#context.options.storage.addresses.find(refs)
    const noted = [...(row === undefined ? [] : [row]), ...rows].flatMap((one) => one.taken)
    const taken = await takenStill(this.#context, at, noted, found)
    const all = [...found, ...taken]
    return all.filter((one, index) => all.findIndex((other) => isSamePerson(one, other)) === index)
  }

  #command(
    { account, message, address }: Received,
    meaning: InboundMeaning,
    parties: readonly Party[],
    row: AddressRow | undefined,
  ): ConsentCommand {
    const { channel } = account
    const now = this.#context.options.clock.now()
    // A START counts from when it was written: one that is reported after a later STOP opens nothing.
    const at = acts[meaning] === 'given' && message.at !== null && message.at < now ? message.at : now
    const isLate = acts[meaning] === 'given' && (row?.suppression?.since ?? at) > at
    const home = account.organizationId ?? sharedSender
    const organizations = [...new Set(parties.map(({ organizationId }) => organizationId))]
    const deciders = account.organizationId === null ? organizations : [account.organizationId]
    // Where nobody was ever written to, there is nobody to hold messages for, nor to decide.
    const act = isLate || (meaning === 'doubt' && deciders.length === 0) ? null : acts[meaning]
    const others = organizations.filter((one) => one !== home)
    // Each organization decides for itself what its people meant.
    const named = act === 'doubted' ? deciders : act === 'given' ? [home, ...others] : [home]
    const inbound: NewInbound = {
      accountId: account.id,
      messageId: message.messageId,
      organizationId: home,
      channel,
      address,
      meaning,
      text: act === 'doubted' ? message.text : null,
      at: now,
      deciders: act === 'doubted' ? deciders : [],
    }
    return {
      act,
      how: 'text',
      wording: null,
      at,
      by: systemActor,
      people: act === 'refused' || act === 'given' ? parties : [],
      channels: [channel],
      categories: null,
      addresses: named.map((organizationId) => ({ organizationId, channel, address })),
      cause: 'stop',
      code: message.optOutType === undefined ? `text_${meaning}` : 'provider_opt_out',
      onlyTaken: act === 'given',
      inbound,
    }
  }

  /** After the consent, which must not wait for it; where that fails, the events say it still. */
  async #handToStaff(received: Received, about: InboundText['about'] | null): Promise<void> {
    if (about === null) return
    try {
      await this.#hand(received, about)
    } catch (fault) {
      const { channel } = received.account
      this.#context.options.logger.error('a message was not handed to people', { channel, fault: faultOf(fault) })
    }
  }

  async #hand({ account, message, address }: Received, about?: InboundText['about']): Promise<void> {
    const { organizationId, channel } = account
    await this.#answers?.({
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
    })
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
    const ids = [...new Set(rows.flatMap(({ appointmentId }) => appointmentId ?? []))]
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

  /** In the language of whose sender it is; of a shared one, of who wrote there last. */
  async #reply(kind: ReplyKind, { account, address }: Received): Promise<string | null> {
    const { storage, logger } = this.#context.options
    const { channel } = account
    try {
      const last = { channel, recipientAddress: address, limit: 1, offset: 0 }
      const id = account.organizationId ?? (await storage.deliveries.list(last)).rows[0]?.organizationId
      const lookup = id === undefined ? null : (await this.#context.host.organizations([id]))(id)
      const found = lookup?.kind === 'known' ? lookup.value : null
      const { locale = null, name = null, phone = null } = found ?? {}
      return inboundReply(kind, { language: locale ?? usualLocale, organization: name, phone })
    } catch (fault) {
      logger.warn('organization not read for an answer', { channel, fault: faultOf(fault) })
      return inboundReply(kind, { language: usualLocale, organization: null, phone: null })
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

const replies: Partial<Record<InboundMeaning, ReplyKind>> = {
  stop: 'stopped',
  cancel: 'stopped',
  start: 'started',
  help: 'help',
}

/** A button means what its message says, unless its words are an opt-out. Carriers take YES for a start where somebody had stopped. */
function meaningOf({ text, optOutType, payload }: InboundMessage, row: AddressRow | undefined) {
  const understood = understand(text)
  if (optOutType !== undefined) return { ...understood, meaning: byOptOutType[optOutType] }
  if (payload !== undefined && understood.meaning !== 'stop') return { meaning: 'other', mayCancel: false } as const
  const isStopped = row?.suppression?.cause === 'stop'
  return understood.meaning === 'yes' && isStopped ? { ...understood, meaning: 'start' as const } : understood
}
