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

/** What an organization knows of an address. */
export type KnownAddress = AddressInput & {
  /** As the audit log names it; null while the organization knows nothing of it. */
  readonly id: number | null
  readonly organizationId: string
  /** Why nothing is sent there; null: it may be. Also what was said of it to another organization with the same sender. */
  readonly suppression: Suppression | null
  /** When a suppression was last lifted. */
  readonly liftedAt: Date | null
  /** When a provider last accepted a message to it, to the hour. */
  readonly lastWorkedAt: Date | null
  /** When the person was proven to have it. */
  readonly provenAt: Date | null
}
export type AddressPage = {
  readonly addresses: readonly KnownAddress[]
  /** For `cursor` of the next page; null on the last. */
  readonly nextCursor: number | null
}

const defaultLimit = 50

/**
 * Addresses to which nothing is sent, and why: the person opted out or complained, or messages to the address fail for good.
 * An address is one for all who have it: what is said of a number holds for everybody in a family.
 *
 * Beside the errors it names, every method may throw a NotificationError `invalid_input` for an argument that is not valid (`field`
 * names it), and `storage_busy`, `storage_failed`, `storage_closed` or `migration_missing`.
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

  /** What is known of an address; where nothing is, no field says anything. */
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
   * Nothing is sent to the address any more, as when your webhook hears of an opt-out or a complaint. `sharedSender`: it was
   * said to an account of yours by which several organizations send, and holds for all of them. Default: for this one.
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
   * Messages go to the address again, for this organization alone; what was left out of plans meanwhile is planned. What the
   * person set needs the person's new consent, which the audit log keeps.
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
   * Your application proved that the person has the address, by a code or a link that it sent there.
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
