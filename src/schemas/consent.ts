import { z } from 'zod'
import { type Channel, channels } from '../channels/index.ts'
import { type Actor, actorSchema } from './audit.ts'
import { rowId, singleLine } from './common.ts'
import { instantInput } from './instant.ts'
import type { PreferenceRef } from './preferences.ts'
import { type Category, type ConsentAct, type ConsentHow, categories, consentHows } from './vocabulary.ts'

const some = <const Words extends readonly string[]>(words: Words) =>
  z.union([z.literal('all'), z.array(z.enum(words)).min(1)])

const recipient = z.strictObject({
  /** Practitioners have no preferences, and so no consent to record. */
  type: z.enum(['PATIENT', 'CLIENT']),
  /** Id of the patient or client, as your directory has it. */
  id: z.union([z.int(), z.bigint(), z.string()]),
})

/** A person, or an address and so everybody who has it. */
const who = z.union([
  z.strictObject({ recipient }),
  z.strictObject({ channel: z.enum(channels), address: singleLine(320).min(1) }),
])

export const consentInput = z.strictObject({
  /** The organization that the person gives or refuses consent to. */
  organizationId: singleLine(255).min(1),
  /**
   * `{ recipient }` changes only what that person gets. `{ channel, address }` changes what everybody with this address gets
   * on that channel: the suppression of the address, and the preferences of those whom the organization has written to
   * there.
   */
  who,
  /** Channels concerned. Default `all`. With an address it is not needed: its channel is known. */
  channels: some(channels).optional(),
  /** Kinds of messages concerned. Default `all`. */
  categories: some(categories).optional(),
  /** How the person said it. */
  how: z.enum(consentHows),
  /** Version of the wording that the person saw or answered; null: none. */
  wording: singleLine(200).min(1).nullable(),
  /** When the person said it. Default: now. */
  at: instantInput.optional(),
  /** Who recorded it, for the audit log. Default: the actor that `as()` names, or else the service. */
  by: actorSchema.optional(),
})
/** A person's refusal of messages, or consent to get them again. */
export type ConsentInput = z.input<typeof consentInput>

/**
 * An inbound text that may be an opt-out. Until staff decide (`consent.decide()`), nothing is sent to the address on this
 * channel.
 */
export type Doubt = {
  readonly id: number
  readonly organizationId: string
  readonly channel: Channel
  readonly address: string
  readonly text: string
  readonly receivedAt: Date
  /** Null: it is still to be decided. */
  readonly decidedAt: Date | null
}

export const consentFilter = z.strictObject({
  /** Only records of this person. Default: of all. */
  recipient: recipient.optional(),
  /** `nextCursor` of the previous page. */
  before: rowId.optional(),
  /** Page size, 1 to 200. Default 50. */
  limit: z.int().min(1).max(200).optional(),
})
/** Which consent records to list. */
export type ConsentFilter = z.input<typeof consentFilter>
/** A page of consent records. */
export type ConsentPage = {
  readonly records: readonly ConsentRecord[]
  /** For `before` of the next page; null on the last. */
  readonly nextCursor: number | null
}

export const doubtFilter = z.strictObject({
  /** `nextCursor` of the previous page. */
  after: rowId.optional(),
  /** Page size, 1 to 200. Default 50. */
  limit: z.int().min(1).max(200).optional(),
})
/** Which page of doubts to list. */
export type DoubtFilter = z.input<typeof doubtFilter>
/** A page of texts on which staff have to decide. */
export type DoubtPage = {
  readonly doubts: readonly Doubt[]
  /** For `after` of the next page; null on the last. */
  readonly nextCursor: number | null
}

/** A row of the append-only record of consent. */
export type ConsentRecord = {
  readonly id: number
  readonly organizationId: string
  readonly at: Date
  readonly act: ConsentAct
  readonly how: ConsentHow
  readonly by: Actor
  /** Null: it was said of an address that nobody is known to have. */
  readonly recipient: PreferenceRef | null
  /** Of the audit log and of `addresses`; null: it was said by no address. */
  readonly addressId: number | null
  /** Null: every channel. */
  readonly channel: Channel | null
  /** Null: every kind of message. */
  readonly category: Category | null
  /** The version of the wording that was shown or answered; null: none was. */
  readonly wording: string | null
}
