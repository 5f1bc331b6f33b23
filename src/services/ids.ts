import { NotificationError } from '../errors.ts'
import type { IdKinds } from '../ports/storage.ts'
import { type EntityId, entityId, type RecipientRef } from '../schemas/common.ts'

/** Whether this is an id of the kind the option `ids` says: the number 12 and the text "12" are two ids. */
export const isId = (kinds: IdKinds, kind: keyof IdKinds, id: unknown): id is EntityId =>
  entityId.safeParse(id).success && typeof id === (kinds[kind] === 'integer' ? 'number' : 'string')

/** An id of the kind the option `ids` says. @throws NotificationError `invalid_input` naming the field. */
export function readId(kinds: IdKinds, kind: keyof IdKinds, id: EntityId, field: string): EntityId {
  if (isId(kinds, kind, id)) return id
  const message = kinds[kind] === 'integer' ? 'must be a positive integer' : 'must be a string of 1 to 64 characters'
  throw new NotificationError('invalid_input', `${field}: ${message}`, { issues: [{ field, message }] })
}

/**
 * The number 12 and the text "12" are two ids: of which kind they are is settled once, by the option `ids`.
 * @throws RangeError naming the field.
 */
export function requireKinds(
  kinds: IdKinds,
  kind: 'appointment' | 'waitlistEntry',
  told: { readonly id: EntityId; readonly recipients: readonly RecipientRef[] },
): void {
  if (!isId(kinds, kind, told.id)) throw new RangeError(`id: must be ${kinds[kind]} (option "ids")`)
  if (told.recipients.every((recipient) => isId(kinds, 'recipient', recipient.id))) return
  throw new RangeError(`recipients: ids must be ${kinds.recipient} (option "ids")`)
}
