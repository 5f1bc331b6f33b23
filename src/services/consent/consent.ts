import { channelOf, channels as everyChannel } from '../../channels/index.ts'
import { NotificationError } from '../../errors.ts'
import type { AddressRef, ConsentCommand, Party } from '../../ports/storage.ts'
import { type Actor, actorSchema, serviceActor } from '../../schemas/audit.ts'
import { fieldInvalid, organizationId, parseField, parseInput, rowId } from '../../schemas/common.ts'
import {
  type ConsentFilter,
  type ConsentInput,
  type ConsentPage,
  consentFilter,
  consentInput,
  type Doubt,
  type DoubtFilter,
  type DoubtPage,
  doubtFilter,
} from '../../schemas/consent.ts'
import type { Context } from '../shared/context.ts'
import { ownAddress, preferenceRef } from '../shared/knowledge.ts'
import { recipientNotFound } from '../shared/not-found.ts'
import { contactIn, peopleAt } from '../shared/people.ts'

export type ConsentResult = {
  /** False: it was so already. */
  readonly changed: boolean
  /** Messages to the person that were being sent at that moment. */
  readonly inFlight: number
}

/** What one change of consent is about, found and read. */
type Found = Pick<ConsentCommand, 'people' | 'channels' | 'addresses'>
type Parsed = ReturnType<(typeof consentInput)['parse']>

const defaultLimit = 50
/** Of how many open doubts those of the same address are decided together. */
const mostDoubts = 200

/**
 * The one way in which somebody's consent changes, whoever says so: preferences, suppressions, the record of consent and the audit
 * log in one transaction.
 *
 * Beside the errors it names, every method may throw a NotificationError `invalid_input`, and `storage_busy`, `storage_failed`,
 * `storage_closed` or `migration_missing`.
 */
export class Consent {
  readonly #context: Context
  readonly #actor: Actor

  constructor(context: Context, actor: Actor = serviceActor) {
    this.#context = context
    this.#actor = actor
  }

  /** The same, acting for `actor` in the audit log: `as({ kind: 'staff', id: 7 })`. Checks no permissions. */
  as(actor: Actor): Consent {
    return new Consent(this.#context, parseInput(actorSchema, actor, 'actor'))
  }

  /**
   * Nothing of it is sent any more: what has no committed intent by then ends.
   * @throws NotificationError `recipient_not_found`, `directory_failed`, `directory_invalid`.
   */
  async refuse(input: ConsentInput): Promise<ConsentResult> {
    return this.#change('refused', input)
  }

  /** The same way back, for an address that was suppressed by an opt-out or a complaint too. @throws NotificationError as `refuse` */
  async give(input: ConsentInput): Promise<ConsentResult> {
    return this.#change('given', input)
  }

  async #change(act: 'refused' | 'given', input: ConsentInput): Promise<ConsentResult> {
    const parsed = parseInput(consentInput, input, 'consent')
    const { options } = this.#context
    const now = options.clock.now()
    const { how, wording, categories = 'all', at = now, by = this.#actor } = parsed
    if (at > now) throw fieldInvalid('at', 'must not be in the future')
    const kinds = categories === 'all' ? null : categories
    const outcome = await options.storage.consents.change({
      ...('recipient' in parsed.who ? await this.#person(act, parsed, kinds === null) : await this.#address(parsed)),
      ...{ act, how, wording, at, by, categories: kinds },
      cause: how === 'complaint' ? 'complaint' : 'stop',
      code: 'recorded',
      onlyTaken: false,
      inbound: null,
      decides: [],
    })
    this.#context.replanQueued()
    return { changed: outcome.status === 'changed', inFlight: outcome.inFlight }
  }

  /** A person's word changes nothing for others at the address; but a channel that is given is to reach the person. */
  async #person(act: 'refused' | 'given', parsed: Parsed, isWhole: boolean): Promise<Found> {
    const { organizationId, who, channels = 'all' } = parsed
    if (!('recipient' in who)) throw fieldInvalid('who', 'must name a recipient')
    const recipient = preferenceRef(this.#context.options.ids, who.recipient)
    const profile = await this.#context.host.recipient(recipient)
    if (profile?.organizationId !== organizationId) throw recipientNotFound(recipient)
    const party: Party = { organizationId, recipient }
    const given = act === 'given' && isWhole ? (channels === 'all' ? everyChannel : channels) : []
    const contacts = await Promise.all(
      given.map(async (channel): Promise<AddressRef[]> => {
        const address = await contactIn(this.#context, party, channel)
        return address === null || address === 'unknown' ? [] : [{ organizationId, channel, address }]
      }),
    )
    return { people: [party], channels: channels === 'all' ? null : channels, addresses: contacts.flat() }
  }

  async #address({ organizationId, who }: Parsed): Promise<Found> {
    if ('recipient' in who) throw fieldInvalid('who', 'must name an address')
    const { channel } = who
    const { storage } = this.#context.options
    const [settings = null] = await storage.settings.get([organizationId])
    const { address: rules } = channelOf(channel)
    const read = rules.read(who.address, settings?.defaultCountry ?? null)
    if (read.address === null) throw fieldInvalid('who.address', `must be ${rules.wanted}: it ${read.fault}`)
    const own = ownAddress(this.#context, settings, organizationId, channel, read.address)
    const { address } = own
    const people = await peopleAt(this.#context, { channel, address }, organizationId)
    return { people, channels: [channel], addresses: [{ organizationId, channel, address }] }
  }

  /** The record of consent of an organization, or of a person of it, the newest first. */
  async record(organization: string, filter: ConsentFilter = {}): Promise<ConsentPage> {
    const id = parseField(organizationId, organization, 'organizationId')
    const { recipient, before, limit = defaultLimit } = parseInput(consentFilter, filter, 'filter')
    const { ids, storage } = this.#context.options
    const records = await storage.consents.records({
      organizationId: id,
      ...(recipient === undefined ? {} : { recipient: preferenceRef(ids, recipient) }),
      ...(before === undefined ? {} : { before }),
      // One extra row shows whether there is a next page.
      limit: limit + 1,
    })
    const page = records.slice(0, limit)
    return { records: page, nextCursor: records.length > limit ? (page.at(-1)?.id ?? null) : null }
  }

  /** Messages that may be refusals and wait for a decision, the oldest first. While they do, nothing is sent to their addresses. */
  async doubts(organization: string, filter: DoubtFilter = {}): Promise<DoubtPage> {
    const id = parseField(organizationId, organization, 'organizationId')
    const { after, limit = defaultLimit } = parseInput(doubtFilter, filter, 'filter')
    const found = await this.#context.options.storage.consents.doubts({
      organizationId: id,
      ...(after === undefined ? {} : { after }),
      limit: limit + 1,
    })
    const page = found.slice(0, limit)
    return { doubts: page, nextCursor: found.length > limit ? (page.at(-1)?.id ?? null) : null }
  }

  /**
   * Decides what a message meant, and all that came from its address before: `refused` is an opt-out; `cleared` sends there again,
   * and what was left out meanwhile is planned.
   * @throws NotificationError `not_found`, `conflict`: it was decided before.
   */
  async decide(organization: string, doubt: number, decision: 'refused' | 'cleared'): Promise<ConsentResult> {
    const id = parseField(organizationId, organization, 'organizationId')
    const { storage, clock } = this.#context.options
    const found = await storage.consents.message(parseField(rowId, doubt, 'doubt'))
    if (found === null || found.organizationId !== id || found.text === '') throw doubtNotFound(doubt)
    const { channel, address } = found
    const open = await storage.consents.doubts({ organizationId: id, limit: mostDoubts })
    const same = open.filter((one) => one.channel === channel && one.address === address)
    if (!same.some((one) => one.id === found.id)) throw decidedBefore(found)
    const people = decision === 'refused' ? await peopleAt(this.#context, { channel, address }, id) : []
    const outcome = await storage.consents.change({
      act: decision,
      how: 'staff',
      wording: null,
      at: clock.now(),
      by: this.#actor,
      people,
      channels: [channel],
      categories: null,
      addresses: [{ organizationId: id, channel, address }],
      cause: 'stop',
      code: 'decided',
      onlyTaken: false,
      inbound: null,
      decides: same.map((one) => one.id),
    })
    if (outcome.status === 'known') throw decidedBefore(found)
    this.#context.replanQueued()
    return { changed: outcome.status === 'changed', inFlight: outcome.inFlight }
  }
}

const doubtNotFound = (id: number) => new NotificationError('not_found', `There is no message ${id} to decide on.`)
const decidedBefore = ({ id }: Doubt) => new NotificationError('conflict', `Message ${id} was decided on before.`)
