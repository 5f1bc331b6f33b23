import { NotificationError } from '../../errors.ts'
import type { EntityId } from '../../schemas/common.ts'

/** How each kind of id is stored: `integer`, as documented, or `text`. Ids of organizations are always text. */
export type IdKinds = {
  readonly appointment: IdKind
  readonly recipient: IdKind
  readonly waitlistEntry: IdKind
}

/** Kind of an id in its column. */
export type IdKind = 'integer' | 'text'

/** Turns a host's id into what its column holds. */
export type IdCodec = (entity: keyof IdKinds, id: EntityId) => EntityId

const canonicalInteger = /^[1-9]\d{0,15}$/

/**
 * Column affinity would turn "007" into 7 and 12 into "12.0", so that two ids become one or one becomes two; therefore
 * the kind is settled before the database sees the id.
 */
export const idCodec = (kinds: IdKinds): IdCodec => {
  return (entity, id) => {
    if (kinds[entity] === 'text') return String(id)
    if (typeof id === 'number' && Number.isSafeInteger(id)) return id
    if (typeof id === 'string' && canonicalInteger.test(id)) return Number(id)
    throw new NotificationError(
      'invalid_input',
      `The ${entity} id must be an integer, because the tables were migrated with integer ids for it (option "ids").`,
      { field: `${entity}Id` },
    )
  }
}

export const encodeOptionalId = (ids: IdCodec, entity: keyof IdKinds, id: EntityId | null): EntityId | null =>
  id === null ? null : ids(entity, id)

export const instant = (value: number | null): Date | null => (value === null ? null : new Date(value))
export const flag = (value: boolean | null): number | null => (value === null ? null : value ? 1 : 0)
export const isSet = (value: number | null): boolean | null => (value === null ? null : value !== 0)
export const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))
