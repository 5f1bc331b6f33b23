import { createHmac, randomBytes } from 'node:crypto'
import { email } from '../../channels/email.ts'
import type { Channel } from '../../channels/index.ts'
import { isPersons, isTakenBack, suppressionFor } from '../../domain/address.ts'
import { NotificationError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import {
  type AddressQueries,
  type AddressRef,
  type AddressRow,
  type KeyStore,
  sharedSender,
} from '../../ports/storage.ts'
import type { Store } from '../../records/store.ts'
import type { Suppression } from '../../schemas/address.ts'
import { hashedAddress, hashedMark, refusalCodes } from '../../schemas/erased.ts'
import type { SecretBox } from '../../security/secret-box.ts'

/** The name of the key, and where it is sealed. */
export const hashKeyName = 'address_hash'
export const hashKeyContext = { organizationId: '', table: 'notification_keys', column: hashKeyName } as const

export type Hash = (channel: Channel, address: string) => string

type Parts = { readonly keys: KeyStore; readonly secrets: SecretBox | null; readonly clock: Pick<Clock, 'now'> }

/**
 * Addresses of erased persons who refused messages, as hashes (HMAC-SHA256) under a key of their own. The key is made once and never
 * replaced, since nobody could make the hashes anew; a rotation of the encryption keys only seals it anew.
 */
export class AddressHashes {
  readonly #parts: Parts
  #known: Hash | null = null

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Null: it was not asked for yet, or there is none. */
  get known(): Hash | null {
    return this.#known
  }

  /** @throws NotificationError `encryption_key_missing`, `secret_unreadable`: without it, who refused messages would get them. */
  async load(): Promise<Hash> {
    if (this.#known !== null) return this.#known
    const sealed = await this.#parts.keys.get(hashKeyName)
    if (sealed === null) {
      throw new NotificationError(
        'secret_unreadable',
        `The key of the hashed addresses is missing: restore the row "${hashKeyName}" of the table notification_keys from a backup.`,
      )
    }
    return this.#use(sealed)
  }

  /** The same, and made where there is none. @throws NotificationError `encryption_key_missing`, `secret_unreadable` */
  async make(): Promise<Hash> {
    if (this.#known !== null) return this.#known
    const { keys, clock } = this.#parts
    const fresh = randomBytes(32).toString('base64')
    return this.#use(
      (await keys.get(hashKeyName)) ??
        (await keys.add(hashKeyName, this.#box.seal(fresh, hashKeyContext), clock.now())),
    )
  }

  get #box(): SecretBox {
    const { secrets } = this.#parts
    if (secrets !== null) return secrets
    throw new NotificationError(
      'encryption_key_missing',
      'Addresses of erased persons who refused messages are kept as hashes, whose key is encrypted: set the option "encryptionKey".',
    )
  }

  #use(sealed: string): Hash {
    const key = Buffer.from(this.#box.open(sealed, hashKeyContext), 'base64')
    const hash: Hash = (channel, address) =>
      hashedAddress(
        createHmac('sha256', key)
          .update(JSON.stringify([channel, address]))
          .digest('base64url'),
      )
    this.#known = hash
    return hash
  }
}

type Find = AddressQueries['find']
const mark: AddressRef = { organizationId: sharedSender, channel: email.name, address: hashedMark }
const nameOf = ({ organizationId, channel, address }: AddressRef): string => `${channel}:${organizationId}:${address}`

/**
 * The storage, to which an address is known by its hash too. Each read of addresses asks for one more row, which says whether there
 * are hashes at all; only then are they made and looked up.
 */
export function withHashedAddresses(storage: Store, hashes: AddressHashes): Store {
  const { addresses, consents, personal } = storage
  let isMarked = false

  const findBy = async (find: Find, hash: Hash, refs: readonly AddressRef[]): Promise<AddressRow[]> => {
    const plain = new Map(refs.map((ref) => [nameOf({ ...ref, address: hash(ref.channel, ref.address) }), ref.address]))
    const hashed = refs.map((ref) => ({ ...ref, address: hash(ref.channel, ref.address) }))
    const rows = await find([...refs, ...hashed])
    const merged = new Map<string, AddressRow>()
    for (const row of rows) {
      const shown = { ...row, address: plain.get(nameOf(row)) ?? row.address }
      const other = merged.get(nameOf(shown))
      merged.set(nameOf(shown), other === undefined ? shown : together(other, shown))
    }
    return [...merged.values()]
  }

  const find: Find = async (refs) => {
    if (!isMarked) {
      const rows = await addresses.find([...refs, mark])
      if (!rows.some(({ address }) => address === hashedMark)) return rows
      isMarked = true
    }
    return findBy(addresses.find, await hashes.load(), refs)
  }

  /** What is known of the address by its hash, for the organization and for the sender it may share. */
  const known = async (ref: AddressRef) => {
    await find([])
    if (!isMarked) return []
    const hash = (await hashes.load())(ref.channel, ref.address)
    const refs = [ref.organizationId, sharedSender].map((organizationId) => ({ ...ref, organizationId, address: hash }))
    return addresses.find(refs)
  }

  /** By an address of a shared sender: that of every organization too, since nobody knows any more who wrote there by it. */
  const knownToAll = async ({ channel, address }: AddressRef) => {
    await find([])
    return isMarked ? addresses.everywhere({ channel, address: (await hashes.load())(channel, address) }) : []
  }

  /** Gives back what is known of the address by its hash, for it to be taken back. */
  const restore = async (rows: readonly AddressRow[], address: string, at: Date): Promise<void> => {
    for (const { organizationId, channel, address: hash } of rows)
      await personal.restoreAddress({ organizationId, channel, address, hash, refusal: null }, at)
  }

  return {
    ...storage,
    consents: {
      ...consents,
      async change(command) {
        const { act, onlyTaken: onlyStop, at } = command
        // What a person refused by themselves is nothing that START takes back.
        const isLifted = (suppression: Suppression) =>
          isTakenBack(suppression, { act, onlyStop, at }) && !(onlyStop && suppression.code === refusalCodes.own)
        const more: AddressRef[] = []
        for (const ref of act === 'given' || act === 'cleared' ? command.addresses : []) {
          if (ref.organizationId === sharedSender) {
            const rows = await knownToAll(ref)
            const isOver = ({ suppression }: AddressRow) => suppression !== null && isLifted(suppression)
            await restore(rows.filter(isOver), ref.address, at)
            more.push(...rows.filter(isOver).map(({ organizationId }) => ({ ...ref, organizationId })))
            continue
          }
          const rows = await known(ref)
          const of = (id: string) => rows.find(({ organizationId }) => organizationId === id)
          const suppression = suppressionFor(of(ref.organizationId), of(sharedSender))
          if (suppression !== null && isLifted(suppression)) await restore(rows, ref.address, at)
        }
        const isNamed = (ref: AddressRef) => command.addresses.some((one) => nameOf(one) === nameOf(ref))
        return consents.change({
          ...command,
          addresses: [...command.addresses, ...more.filter((ref) => !isNamed(ref))],
        })
      },
    },
    addresses: {
      ...addresses,
      find,
      async lift(command) {
        const rows = await known(command)
        if (rows.length === 0) return addresses.lift(command)
        const of = (id: string) => rows.find(({ organizationId }) => organizationId === id)
        const suppression = suppressionFor(of(command.organizationId), command.isShared ? of(sharedSender) : undefined)
        const { consent } = command
        const isAnswered =
          suppression === null || !isPersons(suppression.cause) || (consent !== null && consent.at >= suppression.since)
        if (!isAnswered) return { status: 'refused', suppression }
        await restore(rows, command.address, command.at)
        return addresses.lift(command)
      },
    },
    ...(storage.within === undefined
      ? {}
      : {
          within: (transaction: unknown) => {
            const inside = storage.within?.(transaction)
            if (inside === undefined) throw new Error('the storage takes part in transactions no more')
            const { addresses: own } = inside
            // Nothing is asked for on another connection meanwhile; what is planned is looked at again before it is sent.
            const findInside: Find = (refs) => {
              const hash = isMarked ? hashes.known : null
              return hash === null ? own.find(refs) : findBy(own.find, hash, refs)
            }
            return { ...inside, addresses: { ...own, find: findInside } }
          },
        }),
  }
}

/** Of two rows of one address, the one in the clear is the later one. */
function together(one: AddressRow, other: AddressRow): AddressRow {
  const [plain, hashed] = one.createdAt <= other.createdAt ? [other, one] : [one, other]
  const liftedAt = [plain.liftedAt, hashed.liftedAt].reduce((a, b) => (a === null || (b !== null && b > a) ? b : a))
  return { ...plain, suppression: suppressionFor(plain, hashed), liftedAt }
}
