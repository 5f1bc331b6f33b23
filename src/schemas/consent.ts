import { z } from 'zod'
import { type Channel, channels } from '../channels/index.ts'
import { type Actor, actorSchema } from './audit.ts'
import { singleLine } from './common.ts'
import { instantInput } from './instant.ts'
import type { PreferenceRef } from './preferences.ts'
import { type Category, type ConsentAct, type ConsentHow, categories, consentHows } from './vocabulary.ts'

const some = <const Words extends readonly string[]>(words: Words) =>
  z.union([z.literal('all'), z.array(z.enum(words)).min(1)])

/** A person, or an address and so everybody who has it. */
const who = z.union([
  z.strictObject({
    recipient: z.strictObject({ type: z.enum(['PATIENT', 'CLIENT']), id: z.union([z.int(), z.bigint(), z.string()]) }),
  }),
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
  /** Null: every channel. */
  readonly channel: Channel | null
  /** Null: every kind of message. */
  readonly category: Category | null
  /** The version of the wording that was shown or answered; null: none was. */
  readonly wording: string | null
}
