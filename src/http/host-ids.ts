import { z } from 'zod'
import type { IdKinds } from '../ports/storage.ts'
import { type EntityId, longestId, rowId, singleLine } from '../schemas/common.ts'

/** Schemas of the ids in a path, a query or a body, of the kinds set by the option `ids`. */
export type HostIds = {
  readonly appointment: z.ZodType<EntityId>
  readonly recipient: z.ZodType<EntityId>
  readonly waitlistEntry: z.ZodType<EntityId>
  readonly organization: z.ZodType<string>
  /** Of our own rows. */
  readonly row: z.ZodType<number>
}

const integer = z.int('must be a positive integer').positive('must be a positive integer')
// A single line: not every database accepts control characters in a key.
const text = singleLine(longestId).min(1)

export function hostIds(kinds: IdKinds): HostIds {
  const of = (kind: keyof IdKinds, words: string) =>
    (kinds[kind] === 'integer' ? integer : text).describe(`Id of the ${words} in your application`)
  return {
    appointment: of('appointment', 'appointment'),
    recipient: of('recipient', 'patient, client or practitioner'),
    waitlistEntry: of('waitlistEntry', 'waitlist entry'),
    organization: text.describe('Id of the organization in your application'),
    row: rowId.describe('Id of the row, as its list or its creation returned it'),
  }
}
