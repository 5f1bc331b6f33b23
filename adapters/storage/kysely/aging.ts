import type { AgingRow, MessagePlace, RecipientRef } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'

type Aging = {
  readonly id: number
  readonly organization_id: string
  readonly updated_at: number
  readonly holds: number
}

/** `holds` has a bit for each kind, in their order. */
export const decodeAging = ({ id, organization_id, updated_at, holds }: Aging): AgingRow => ({
  id,
  organizationId: organization_id,
  at: new Date(updated_at),
  holds: records.retentionKinds.filter((_, place) => (Number(holds) & (1 << place)) !== 0),
})

export const recipientColumns = (ids: records.IdCodec, { type, id }: RecipientRef) => ({
  recipient_type: type,
  recipient_id: ids('recipient', id),
})

/** Before every message where there is no place. */
export const placeColumns = (after: MessagePlace | null) =>
  after === null ? { created_at: 0, id: 0 } : { created_at: after.createdAt.getTime(), id: after.id }

/** Entries about somebody, and by somebody. */
export function isAbout({ type, id }: RecipientRef): (row: records.Row<'notification_audit'>) => boolean {
  const { type: target } = records.recipientTarget({ type, id })
  const text = String(id)
  return (row) =>
    (row.target_type === target && row.target_id === text) || (row.actor_kind === target && row.actor_id === text)
}

/** Before every request where there is none. */
export const firstRequest = { caller: '', key: '' }
