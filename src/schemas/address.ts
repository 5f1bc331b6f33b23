import { z } from 'zod'
import { channels } from '../channels/index.ts'
import { failureCode, singleLine } from './common.ts'
import { instantInput } from './instant.ts'
import { recordedCauses, type SuppressionCause } from './vocabulary.ts'

/** An address for somebody who may not know it: enough to tell two apart, and not to write to either. */
export function maskAddress(address: string): string {
  const at = address.lastIndexOf('@')
  return at > 0 ? `${address.slice(0, 1)}***${address.slice(at)}` : `***${address.slice(-2)}`
}

/** Why nothing is sent to an address. */
export type Suppression = {
  readonly cause: SuppressionCause
  /** If the person said it several times, the last one. */
  readonly since: Date
  /** The provider's code, such as `smtp_5.1.1`; `recorded` where somebody recorded it without one. */
  readonly code: string
}

export const consentStatement = z.strictObject({
  /** Who gave the consent: `the patient`, `her mother, Eve Lovelace`. */
  givenBy: singleLine(200).min(1).describe('Who gave it, such as `the patient` or `her mother, Eve Lovelace`'),
  /** How it was given: `by phone to the reception`. */
  how: singleLine(200).min(1).describe('How it was given, such as `by phone to the reception`'),
  /** When it was given. Must be after the opt-out or complaint, and not in the future. */
  at: instantInput.describe('When it was given: after the person opted out or complained, and not in the future'),
})
/** A record of a person's new consent to messages. */
export type ConsentStatement = z.infer<typeof consentStatement>

export const addressInput = z.strictObject({
  /** Channel of the address. */
  channel: z.enum(channels).describe('Channel of the address'),
  /** E-mail address or phone number. A number without a country code belongs to the organization's `defaultCountry`. */
  address: singleLine(320)
    .min(1)
    .describe('E-mail address or phone number; without a country code, of the default country of the organization'),
})

export const suppressInput = addressInput.extend({
  /**
   * Why nothing may be sent there. `stop`: the person opted out. `complaint`: the person marked a message as unwanted.
   * `invalid`: the address does not exist. `failure`: it fails permanently for another reason.
   */
  cause: z
    .enum(recordedCauses)
    .describe(
      '`stop`: the person opted out. `complaint`: the person reported a message as unwanted. `invalid`: nobody has the address. `failure`: it fails for good for another reason',
    ),
  /** The provider's code, a short word without contact data. Default `recorded`. */
  code: failureCode.optional().describe('Code of the provider, a short word without contact data. Default `recorded`'),
})
/** An address to which nothing may be sent, and why. */
export type SuppressInput = z.infer<typeof suppressInput>

export const liftInput = addressInput.extend({
  /** The new consent of the person; required after an opt-out or a complaint. */
  consent: consentStatement
    .optional()
    .describe('The new consent of the person; required if the person opted out or complained'),
})
/** An address to which messages may be sent again. */
export type LiftInput = z.infer<typeof liftInput>

/** An address on a channel. */
export type AddressInput = z.infer<typeof addressInput>

export const addressFilter = z.strictObject({
  /** Only addresses of this channel. Default: of every channel. */
  channel: z.enum(channels).optional().describe('Only addresses of this channel'),
  /** Page size, 1 to 200. Default 50. */
  limit: z.int().min(1).max(200).optional().describe('Page size. Default 50'),
  /** `nextCursor` of the previous page. Default: the first page. */
  cursor: z
    .int()
    .positive()
    .max(2 ** 31 - 1)
    .optional()
    .describe('`next_cursor` of the previous page'),
})
/** Which suppressed addresses to list. */
export type AddressFilter = z.infer<typeof addressFilter>
