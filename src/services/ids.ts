import { NotificationError } from '../errors.ts'
import type { IdKinds } from '../ports/storage.ts'
import { type EntityId, entityId } from '../schemas/common.ts'

/** An id of the kind the option `ids` says. @throws NotificationError `invalid_input` naming the field. */
export function readId(kinds: IdKinds, kind: keyof IdKinds, id: EntityId, field: string): EntityId {
  const wanted = kinds[kind] === 'integer' ? 'number' : 'string'
  if (entityId.safeParse(id).success && typeof id === wanted) return id
  const message = wanted === 'number' ? 'must be a positive integer' : 'must be a string of 1 to 64 characters'
  throw new NotificationError('invalid_input', `${field}: ${message}`, { issues: [{ field, message }] })
}
