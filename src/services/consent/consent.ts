import { channels as everyChannel } from '../../channels/index.ts'
import type { AddressRef, ConsentCommand, Party } from '../../ports/storage.ts'
import { type AddressInput, addressInput } from '../../schemas/address.ts'
import { type Actor, actorSchema, serviceActor } from '../../schemas/audit.ts'
import { fieldInvalid, organizationId, parseField, parseInput } from '../../schemas/common.ts'
import {
  type ConsentFilter,
  type ConsentInput,
  type ConsentPage,
  consentFilter,
  consentInput,
  type DoubtFilter,
  type DoubtPage,
  doubtFilter,
} from '../../schemas/consent.ts'
import type { Context } from '../shared/context.ts'
import { preferenceRef, readOwnAddress } from '../shared/knowledge.ts'
import { recipientNotFound } from '../shared/not-found.ts'
import { contactIn, peopleAt } from '../shared/people.ts'

/** Result of a change of consent. */
export type ConsentResult = {
  /** False: it was already so, and nothing was written. */
  readonly changed: boolean
  /** Number of messages to the person that were being sent at that moment, and may still arrive. */
  readonly inFlight: number
}

/** What one change of consent is about, found and read. */
type Found = Pick<ConsentCommand, 'people' | 'others' | 'channels' | 'addresses'>
type Parsed = ReturnType<(typeof consentInput)['parse']>

const defaultLimit = 50

/**
 * Records consent and refusals. Every change, whoever makes it, goes this way: preferences, suppressions, the record of
 * consent and the audit log are written in one transaction.
 *
 * Besides the errors listed, every method may reject with NotificationError `invalid_input`, `storage_busy`,
 * `storage_failed`, `storage_closed` or `migration_missing`.
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
   * Records that a person refuses messages. Pending messages that were not being sent at that moment are withdrawn.
   * Repeating it changes nothing.
   * @throws NotificationError `recipient_not_found`, `directory_failed`, `directory_invalid`.
   */
  async refuse(input: ConsentInput): Promise<ConsentResult> {
    return this.#change('refused', input)
  }

  /**
   * Records that a person wants messages again. This also lifts suppressions that come from an opt-out or a complaint.
   * Repeating it changes nothing.
   * @throws NotificationError as `refuse`.
   */
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
        // One that was written into preferences may be somebody else's.
        const address = await contactIn(this.#context, party, channel, 'directory')
        return address === null || address === 'unknown' ? [] : [{ organizationId, channel, address }]
      }),
    )
    const addresses = contacts.flat()
    const others = await Promise.all(addresses.map((one) => peopleAt(this.#context, one, organizationId)))
    return { people: [party], others: others.flat(), channels: channels === 'all' ? null : channels, addresses }
  }

  async #address({ organizationId, who }: Parsed): Promise<Found> {
    if ('recipient' in who) throw fieldInvalid('who', 'must name an address')
    const { channel, address } = await readOwnAddress(this.#context, organizationId, who)
    const people = await peopleAt(this.#context, { channel, address }, organizationId)
    return { people, channels: [channel], addresses: [{ organizationId, channel, address }] }
  }

  /** The record of consent of an organization, or of one person in it, newest first. */
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

  /**
   * Inbound texts that may be refusals and wait for a decision, oldest first. Until then nothing is sent to their addresses
   * on that channel.
   */
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
   * Decides on all doubtful texts from an address. `refused`: they were an opt-out. `cleared`: they were not, and messages
   * that are due from now on are sent again. If nothing is in doubt, `refused` still records an opt-out, and `cleared`
   * changes nothing.
   */
  async decide(organization: string, input: AddressInput, decision: 'refused' | 'cleared'): Promise<ConsentResult> {
    const id = parseField(organizationId, organization, 'organizationId')
    const who = parseInput(addressInput, input, 'address')
    const { channel, address } = await readOwnAddress(this.#context, id, who)
    const { storage, clock } = this.#context.options
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
    })
    this.#context.replanQueued()
    return { changed: outcome.status === 'changed', inFlight: outcome.inFlight }
  }
}
