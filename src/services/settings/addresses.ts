import { channels } from '../../channels/index.ts'
import { isPersons } from '../../domain/address.ts'
import { NotificationError } from '../../errors.ts'
import { type AddressRow, sharedSender as sharedSenderId } from '../../ports/storage.ts'
import {
  type AddressFilter,
  type AddressInput,
  addressFilter,
  addressInput,
  type LiftInput,
  liftInput,
  type SuppressInput,
  type Suppression,
  suppressInput,
} from '../../schemas/address.ts'
import { type Actor, actorSchema, serviceActor } from '../../schemas/audit.ts'
import { nameOf, preferencePlace, valueAt } from '../../schemas/channel-settings.ts'
import { fieldInvalid, organizationId, parseField, parseInput, type Warning } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import type { PreferencesInput } from '../../schemas/preferences.ts'
import { suppressionTable } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'
import { ownAddress, readOwnAddress } from '../shared/knowledge.ts'
import { KnownAddresses, type OwnAddress } from '../shared/known-addresses.ts'
import { organizationNotFound } from '../shared/not-found.ts'
import { peopleAt, takenStill } from '../shared/people.ts'

/** What an organization knows about an address. */
export type KnownAddress = AddressInput & {
  /** Id of the address, as in the audit log; null: nothing is known about it. */
  readonly id: number | null
  readonly organizationId: string
  /**
   * Why nothing is sent there; null: messages may be sent. Includes what was said to another organization that uses the same
   * sender.
   */
  readonly suppression: Suppression | null
  /** When a suppression was last lifted; null: never. */
  readonly liftedAt: Date | null
  /** When a provider last accepted a message to it, rounded to the hour; null: never. */
  readonly lastWorkedAt: Date | null
  /** When it was proven that the person has the address; null: never. */
  readonly provenAt: Date | null
}
/** A page of suppressed addresses, newest first. */
export type AddressPage = {
  readonly addresses: readonly KnownAddress[]
  /** `cursor` of the next page; null on the last. */
  readonly nextCursor: number | null
}

const defaultLimit = 50

/**
 * Addresses to which nothing is sent, and why: the person opted out or complained, or messages to the address fail
 * permanently. A suppression is for the address, so it applies to everybody who shares it, such as a family.
 *
 * Besides the errors listed, every method may reject with NotificationError `invalid_input` for an invalid argument (`field`
 * names it), `storage_busy`, `storage_failed`, `storage_closed` or `migration_missing`.
 */
export class Addresses {
  readonly #context: Context
  readonly #actor: Actor

  constructor(context: Context, actor: Actor = serviceActor) {
    this.#context = context
    this.#actor = actor
  }

  /** The same, acting for `actor` in the audit log: `as({ kind: 'staff', id: 7 })`. Checks no permissions. */
  as(actor: Actor): Addresses {
    return new Addresses(this.#context, parseInput(actorSchema, actor, 'actor'))
  }

  /** What is known about an address. If nothing is known, all fields but the address itself are null. */
  async get(organization: string, input: AddressInput): Promise<KnownAddress> {
    return this.#known(await this.#address(organization, parseInput(addressInput, input, 'address')))
  }

  /** The organization's suppressed addresses, the latest recorded first. */
  async suppressed(organization: string, filter: AddressFilter = {}): Promise<AddressPage> {
    const id = parseField(organizationId, organization, 'organizationId')
    const { limit = defaultLimit, cursor, channel } = parseInput(addressFilter, filter, 'filter')
    const rows = await this.#context.options.storage.addresses.suppressed({
      organizationId: id,
      ...definedOnly({ channel, before: cursor }),
      // One extra row shows whether there is a next page.
      limit: limit + 1,
    })
    const page = rows.slice(0, limit)
    const nextCursor = rows.length > limit ? (page.at(-1)?.id ?? null) : null
    return { addresses: page.map((row) => shown(row, row, row.suppression)), nextCursor }
  }

  /**
   * Records that nothing may be sent to the address any more, for example when your own webhook receives an opt-out or a
   * complaint. `sharedSender`: the person said so to a sender that several organizations share, and it applies to all of
   * them. Default false: only to this organization. Repeating it is harmless.
   * @throws NotificationError `organization_not_found`, `directory_failed`, `directory_invalid`.
   */
  async suppress(
    organization: string,
    input: SuppressInput,
    { sharedSender = false }: { readonly sharedSender?: boolean } = {},
  ): Promise<KnownAddress> {
    const { cause, code = 'recorded', ...given } = parseInput(suppressInput, input, 'suppression')
    const address = await this.#address(organization, given)
    await this.#requireOrganization(address.organizationId)
    const { storage, clock } = this.#context.options
    const at = clock.now()
    const by = this.#actor
    if (cause === 'stop' || cause === 'complaint') {
      const shared = sharedSender ? [{ ...address, organizationId: sharedSenderId }] : []
      await storage.consents.change({
        ...{ act: 'refused', how: 'staff', wording: null, at, by, cause, code },
        people: await peopleAt(this.#context, address, sharedSender ? null : address.organizationId),
        channels: [address.channel],
        categories: null,
        addresses: [address, ...shared],
        onlyTaken: false,
        inbound: null,
      })
      this.#context.replanQueued()
    } else await storage.addresses.suppress({ ...address, isShared: sharedSender, cause, code, at, by })
    return this.#known(address)
  }

  /**
   * Allows messages to the address again, for this organization only, and plans what was left out meanwhile. After an
   * opt-out or complaint this requires a new consent of the person, which is kept in the audit log.
   * @throws NotificationError `consent_required`: the person opted out or complained, and no later consent is given.
   */
  async lift(organization: string, input: LiftInput): Promise<KnownAddress> {
    const { consent = null, ...given } = parseInput(liftInput, input, 'lift')
    const address = await this.#address(organization, given)
    const { storage, clock } = this.#context.options
    const at = clock.now()
    if (consent !== null && consent.at > at) throw fieldInvalid('consent.at', 'must not be in the future')
    const [row] = await storage.addresses.find([address])
    const taken = row?.taken ?? []
    const found = taken.length === 0 ? [] : await peopleAt(this.#context, address, address.organizationId, true)
    const { theirs: people, unsure } = await takenStill(this.#context, address, taken, found)
    const outcome = await storage.addresses.lift({ ...address, consent, people, unsure, at, by: this.#actor })
    if (outcome.status === 'refused') throw consentRequired(outcome.suppression, consent !== null)
    if (outcome.status === 'lifted') this.#context.replanQueued()
    return this.#known(address)
  }

  /**
   * Records that the person has the address: your application has proven it by a code or link sent there.
   * @throws NotificationError `organization_not_found`, `directory_failed`, `directory_invalid`.
   */
  async prove(organization: string, input: AddressInput): Promise<KnownAddress> {
    const address = await this.#address(organization, parseInput(addressInput, input, 'address'))
    await this.#requireOrganization(address.organizationId)
    const { storage, clock } = this.#context.options
    await storage.addresses.prove(address, clock.now(), this.#actor)
    return this.#known(address)
  }

  async #known(address: OwnAddress): Promise<KnownAddress> {
    const known = await KnownAddresses.load(this.#context.options.storage.addresses, [address])
    return shown(address, known.own(address), known.suppression(address))
  }

  async #address(organization: string, input: AddressInput): Promise<OwnAddress> {
    return readOwnAddress(this.#context, parseField(organizationId, organization, 'organizationId'), input)
  }

  async #requireOrganization(id: string): Promise<void> {
    const organization = await this.#context.host.organizations([id])
    if (organization(id).kind !== 'known') throw organizationNotFound(id)
  }
}

const shown = (
  { organizationId: id, channel, address }: Pick<AddressRow, 'organizationId' | 'channel' | 'address'>,
  row: AddressRow | undefined,
  suppression: Suppression | null,
): KnownAddress => ({
  id: row?.id ?? null,
  organizationId: id,
  channel,
  address,
  suppression,
  liftedAt: row?.liftedAt ?? null,
  lastWorkedAt: row?.lastWorkedAt ?? null,
  provenAt: row?.provenAt ?? null,
})

const consentRequired = ({ cause, since }: Suppression, isGiven: boolean): NotificationError =>
  new NotificationError(
    'consent_required',
    `The address is suppressed since ${since.toISOString()}: ${suppressionTable[cause]}. ${
      isGiven ? 'The consent given is older than that' : 'Only a new consent of the person lifts it'
    }; say in "consent" who gave it, how and when.`,
    { field: 'consent' },
  )

/** Addresses among new preferences to which nothing is sent. */
export async function suppressedAddresses(context: Context, id: string, written: PreferencesInput): Promise<Warning[]> {
  const [settings = null] = await context.options.storage.settings.get([id])
  const asked = channels.flatMap((channel) => {
    const place = preferencePlace(channel, 'address')
    const address = valueAt(written, place)
    if (typeof address !== 'string') return []
    return [{ field: nameOf(place), own: ownAddress(context, settings, id, channel, address) }]
  })
  const known = await KnownAddresses.load(
    context.options.storage.addresses,
    asked.map(({ own }) => own),
  )
  return asked.flatMap(({ field, own }) => {
    const suppression = known.suppression(own)
    if (suppression === null) return []
    const { cause, since } = suppression
    const rest = isPersons(cause) ? 'a new consent of the person lifts it' : 'staff can lift it'
    const message = `gets no messages since ${since.toISOString()}: ${suppressionTable[cause]}; ${rest}`
    return [{ field, code: 'address_suppressed', message }]
  })
}
