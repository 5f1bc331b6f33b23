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
  type: z.enum(['PATIENT', 'CLIENT']),
  id: z.union([z.int(), z.bigint(), z.string()]),
})

/** A person, or an address and so everybody who has it. */
const who = z.union([
  z.strictObject({ recipient }),
  z.strictObject({ channel: z.enum(channels), address: singleLine(320).min(1) }),
])

export const consentInput = z.strictObject({
  organizationId: singleLine(255).min(1),
  /**
   * A person changes only what that person gets. An address changes what everybody gets who has it, on its channel alone: its
   * suppression, and the preferences of those whom the organization wrote to there.
   */
  who,
  /** Default `all`. Left out of what counts for an address, whose channel it is. */
  channels: some(channels).optional(),
  /** Default `all`. */
  categories: some(categories).optional(),
  how: z.enum(consentHows),
  /** The version of the wording that was shown or answered; null: none was. */
  wording: singleLine(200).min(1).nullable(),
  /** Default: now. */
  at: instantInput.optional(),
  by: actorSchema.optional(),
})
/** What a person refuses, or gives again. */
export type ConsentInput = z.input<typeof consentInput>

/** A message that may be a refusal: nothing is sent on its channel to the address until staff decide. */
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
  recipient: recipient.optional(),
  /** `nextCursor` of the previous page. */
  before: rowId.optional(),
  /** Page size. Default 50. */
  limit: z.int().min(1).max(200).optional(),
})
export type ConsentFilter = z.input<typeof consentFilter>
export type ConsentPage = {
  readonly records: readonly ConsentRecord[]
  /** For `before` of the next page; null on the last. */
  readonly nextCursor: number | null
}

export const doubtFilter = z.strictObject({
  /** `nextCursor` of the previous page. */
  after: rowId.optional(),
  /** Page size. Default 50. */
  limit: z.int().min(1).max(200).optional(),
})
export type DoubtFilter = z.input<typeof doubtFilter>
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
