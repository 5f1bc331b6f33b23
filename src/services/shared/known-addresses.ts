import { suppressionFor } from '../../domain/address.ts'
import { type AddressQueries, type AddressRef, type AddressRow, sharedSender } from '../../ports/storage.ts'
import type { Suppression } from '../../schemas/address.ts'

/** An address as an organization writes to it. */
export type OwnAddress = AddressRef & {
  /** By an account of the host application: what is said against the address there holds for all who send by it. */
  readonly isShared: boolean
}

/** What is known of some addresses, read once. */
export class KnownAddresses {
  readonly #rows: ReadonlyMap<string, AddressRow>

  private constructor(rows: readonly AddressRow[]) {
    this.#rows = new Map(rows.map((row) => [keyOf(row), row]))
  }

  static async load(addresses: Pick<AddressQueries, 'find'>, asked: Iterable<OwnAddress>): Promise<KnownAddresses> {
    const refs = new Map<string, AddressRef>()
    for (const one of asked) {
      for (const ref of one.isShared ? [one, ofShared(one)] : [one]) refs.set(keyOf(ref), ref)
    }
    return new KnownAddresses(refs.size === 0 ? [] : await addresses.find([...refs.values()]))
  }

  /** Why nothing is sent there; null: it may be. */
  suppression(address: OwnAddress): Suppression | null {
    return suppressionFor(this.own(address), this.#shared(address))
  }

  /** Whether a message came from it since then, to the organization's sender or to the one that it shares. */
  isHeard(address: OwnAddress, since: Date): boolean {
    return [this.own(address), this.#shared(address)].some((row) => row?.heardAt != null && row.heardAt > since)
  }

  own(address: AddressRef): AddressRow | undefined {
    return this.#rows.get(keyOf(address))
  }

  /** Since when a provider says that nobody has it; what it said before a suppression was lifted no longer counts. */
  unknownSince(address: OwnAddress): Date | null {
    const own = this.own(address)
    const dates = [own, this.#shared(address)].flatMap((row) => row?.unknownSince ?? [])
    const counting = dates.filter((since) => own?.liftedAt == null || since > own.liftedAt)
    return counting.toSorted((one, other) => one.getTime() - other.getTime())[0] ?? null
  }

  #shared(address: OwnAddress): AddressRow | undefined {
    return address.isShared ? this.own(ofShared(address)) : undefined
  }
}

const ofShared = (ref: AddressRef): AddressRef => ({ ...ref, organizationId: sharedSender })

const keyOf = ({ organizationId, channel, address }: AddressRef): string => `${channel}:${organizationId}:${address}`
