import type { Channel } from '../../channels/index.ts'
import type { ConsentStatement, Suppression } from '../../schemas/address.ts'
import type { Actor } from '../../schemas/audit.ts'
import type { PreferenceRef } from '../../schemas/preferences.ts'
import type { InboundReply, SuppressionCause } from '../../schemas/vocabulary.ts'

/** In place of an organization: the host application's own account, by which several organizations send. */
export const sharedSender = ''

/** By what an address is found. `organizationId`: `sharedSender` for what holds for everybody who sends by it. */
export type AddressRef = {
  readonly organizationId: string
  readonly channel: Channel
  /** In normal form. */
  readonly address: string
}

/**
 * `notification_addresses`: what is known of an address of a channel. One row for all who have it, so that what is said of a
 * number holds for each of a family; one that nothing is known of has no row.
 */
export type AddressRow = AddressRef & {
  readonly id: number
  /** When a provider last accepted a message to it, or reported one delivered; several within the hour count as the first. */
  readonly lastWorkedAt: Date | null
  /** Since when a provider says that nobody has it: of several such words since it last worked, the first. */
  readonly unknownSince: Date | null
  /** Null: it may be sent to. */
  readonly suppression: Suppression | null
  /** When a suppression was last lifted; one that leaves the person's word to the shared sender in force does not count. */
  readonly liftedAt: Date | null
  /** When it was proven that the person has it, by a code or a link; null: it is the host's word. */
  readonly provenAt: Date | null
  /** When a message last came from it. */
  readonly heardAt: Date | null
  /** When the person was last notified of each of these there. */
  readonly answered: Readonly<Partial<Record<InboundReply, Date>>>
  /** Whose preferences an opt-out changed. */
  readonly taken: readonly Taken[]
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** A preference that an opt-out by its address changed: what it was before. */
export type Taken = {
  readonly organizationId: string
  readonly recipient: PreferenceRef
  readonly enabled: boolean | null
}

/**
 * What an attempt says of the address it went to.
 * - `worked`: a message was accepted.
 * - `doubted`: the provider says that nobody has it, which it may say of everybody for an hour.
 * - `suppressed`: nothing is to be sent there any more.
 */
export type AddressNews =
  | { readonly kind: 'worked' }
  | { readonly kind: 'doubted' }
  | {
      readonly kind: 'suppressed'
      readonly cause: SuppressionCause
      readonly code: string
      /** Of an opt-out or complaint: who got the message, whose preferences change with it. */
      readonly person?: Party | null
    }

/** A patient or client of an organization. */
export type Party = { readonly organizationId: string; readonly recipient: PreferenceRef }

/** `isShared`: the sender is the host application's, and bad news holds for every organization that sends by it. */
export type AddressReport = AddressRef & { readonly isShared: boolean; readonly news: AddressNews }

/** Reads what is known of addresses. */
export interface AddressQueries {
  /** The rows of these addresses, in any order. */
  find(addresses: readonly AddressRef[]): Promise<AddressRow[]>
  /** Those of one address, of every organization. */
  everywhere(address: Omit<AddressRef, 'organizationId'>): Promise<AddressRow[]>
  /** Suppressed ones of an organization, the newest id first, of a channel where one is given. `before`: the last id of the page before. */
  suppressed(query: {
    readonly organizationId: string
    readonly channel?: Channel
    readonly before?: number
    readonly limit: number
  }): Promise<AddressRow[]>
}

/** Records that nothing may be sent to an address. */
export type SuppressCommand = AddressRef & {
  readonly isShared: boolean
  readonly cause: SuppressionCause
  readonly code: string
  readonly at: Date
  readonly by?: Actor | undefined
}
/** Allows messages to an address again. */
export type LiftCommand = AddressRef & {
  readonly isShared: boolean
  /** Null: nobody says that the person wants messages again. */
  readonly consent: ConsentStatement | null
  /** Whose preferences an opt-out by it changed, as its row names them: they are as before again. */
  readonly people?: readonly Party[]
  /** Of whom nobody knows whether they have it still: what was taken from them is kept. Default: none. */
  readonly unsure?: readonly Party[]
  readonly at: Date
  readonly by?: Actor | undefined
}
/** `refused`: the person set it, and there is no consent of a later time. `untouched`: it was not suppressed. */
export type LiftOutcome =
  | { readonly status: 'lifted' | 'untouched' }
  | { readonly status: 'refused'; readonly suppression: Suppression }

/** Audited in their transaction, with `by` (default: the library itself). Commands of `src/records`. */
export interface AddressCommands {
  /** False: it was suppressed for the organization already, and stays so. */
  suppress(command: SuppressCommand): Promise<boolean>
  /** For the organization alone, also where a row of the shared sender says it. Its plans are queued to be made anew. */
  lift(command: LiftCommand): Promise<LiftOutcome>
  /** That the person was proven to have the address. */
  prove(address: AddressRef, at: Date, by?: Actor): Promise<void>
}
export type AddressStore = AddressQueries & AddressCommands
