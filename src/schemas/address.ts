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
  givenBy: singleLine(200).min(1).describe('Who gave it, such as `the patient` or `her mother, Eve Lovelace`'),
  how: singleLine(200).min(1).describe('How it was given, such as `by phone to the reception`'),
  at: instantInput.describe('When it was given: after the person opted out or complained, and not in the future'),
})
/** That a person wants messages again, as somebody says it. */
export type ConsentStatement = z.infer<typeof consentStatement>

export const addressInput = z.strictObject({
  channel: z.enum(channels).describe('Channel of the address'),
  address: singleLine(320)
    .min(1)
    .describe('E-mail address or phone number; without a country code, of the default country of the organization'),
})

export const suppressInput = addressInput.extend({
  cause: z
    .enum(recordedCauses)
    .describe(
      '`stop`: the person opted out. `complaint`: the person reported a message as unwanted. `invalid`: nobody has the address. `failure`: it fails for good for another reason',
    ),
  code: failureCode.optional().describe('Code of the provider, a short word without contact data. Default `recorded`'),
})
export type SuppressInput = z.infer<typeof suppressInput>

export const liftInput = addressInput.extend({
  consent: consentStatement
    .optional()
    .describe('The new consent of the person; required if the person opted out or complained'),
})
export type LiftInput = z.infer<typeof liftInput>

export type AddressInput = z.infer<typeof addressInput>

export const addressFilter = z.strictObject({
  channel: z.enum(channels).optional().describe('Only addresses of this channel'),
  limit: z.int().min(1).max(200).optional().describe('Page size. Default 50'),
  cursor: z
    .int()
    .positive()
    .max(2 ** 31 - 1)
    .optional()
    .describe('`next_cursor` of the previous page'),
})
export type AddressFilter = z.infer<typeof addressFilter>
