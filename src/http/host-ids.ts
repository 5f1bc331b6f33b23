import { z } from 'zod'
import type { IdKinds } from '../ports/storage.ts'
import { type EntityId, longestId, rowId, singleLine } from '../schemas/common.ts'

/** The ids of a path, a query or a body, of the kinds that the option `ids` says. */
export type HostIds = {
  readonly appointment: z.ZodType<EntityId>
  readonly recipient: z.ZodType<EntityId>
  readonly waitlistEntry: z.ZodType<EntityId>
  readonly organization: z.ZodType<string>
  /** Of our own rows. */
  readonly row: z.ZodType<number>
}

const integer = z.int('must be a positive integer').positive('must be a positive integer')
// One line: no database takes every control character in a key.
const text = singleLine(longestId).min(1)

export function hostIds(kinds: IdKinds): HostIds {
  const of = (kind: keyof IdKinds) => (kinds[kind] === 'integer' ? integer : text)
  return {
    appointment: of('appointment'),
    recipient: of('recipient'),
    waitlistEntry: of('waitlistEntry'),
    organization: text,
    row: rowId,
  }
}
