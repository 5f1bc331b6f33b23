import type { IdKinds } from '../../ports/storage.ts'
import {
  type EntityId,
  type HostId,
  type HostRef,
  hostId,
  parseField,
  parseInput,
  type RecipientRef,
  recipientRef,
} from '../../schemas/common.ts'

/**
 * An id of the kind set by the option `ids`: the number 12 and the text "12" are different ids; a `bigint` is read as a number.
 * @throws NotificationError `invalid_input` naming the field.
 */
export function readId(kinds: IdKinds, kind: keyof IdKinds, id: HostId, field: string): EntityId {
  return parseField<EntityId>(hostId[kinds[kind]], id, field)
}

/**
 * A recipient, with an id of the kind set by the option `ids`: an id of the other kind would find nothing.
 * @throws NotificationError `invalid_input` naming the field. `subject`: `recipient`.
 */
export function readRecipient(kinds: IdKinds, recipient: HostRef, subject: string): RecipientRef {
  const { type, id } = parseInput(recipientRef, recipient, subject)
  return { type, id: readId(kinds, 'recipient', id, 'id') }
}
