import type { Channel } from '../../channels/index.ts'
import type { EntityId, RecipientRef } from '../../schemas/common.ts'
import type { LinkPurpose } from '../../schemas/link.ts'
import type { Category } from '../../schemas/vocabulary.ts'

/** `notification_links`: what a link lets its holder do. */
export type LinkRow = {
  /** Keyed, of the token. */
  readonly hash: string
  readonly organizationId: string
  /** `revoked`: nothing any more. */
  readonly purpose: LinkPurpose | 'revoked'
  readonly recipient: RecipientRef
  readonly appointmentId: EntityId | null
  readonly channel: Channel | null
  readonly category: Category | null
  /** Of an answer: the start that the message named. */
  readonly startsAt: Date | null
  /** Of an address that is to be proven: itself, encrypted. */
  readonly contact: string | null
  /** From then on it is of no more use. */
  readonly expiresAt: Date
  readonly createdAt: Date
}

/** Whose links are revoked: one, those of a person, or those of an appointment. */
export type LinksOf =
  | { readonly hash: string }
  | { readonly organizationId: string; readonly recipient: RecipientRef }
  | { readonly organizationId: string; readonly appointmentId: EntityId }

/** Reads and purges links of messages. */
export interface LinkQueries {
  /** The row of one of these hashes, expired or not. */
  find(hashes: readonly string[]): Promise<LinkRow | null>
  /** Removes what expired by `until`, at most `limit` rows; how many. */
  purge(until: Date, limit: number): Promise<number>
}

/** Links of messages, by the hashes of their tokens. */
export interface LinkStore extends LinkQueries {
  /** One whose hash is there stays as it is: a message that is sent again has the link that it had. */
  add(links: readonly LinkRow[]): Promise<void>
  /** Their rows stay until they expire, as `revoked`, so that a message that is sent again does not bring them back. */
  revoke(of: LinksOf): Promise<void>
}
