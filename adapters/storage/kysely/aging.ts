import type { AgingRow, MessagePlace, RecipientRef, Written } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'

type Aging = {
  readonly id: number
  readonly organization_id: string | null
  readonly updated_at: number
  readonly holds: number
}

/** `holds` has a bit for each kind, in their order. */
export const decodeAging = ({ id, organization_id, updated_at, holds }: Aging): AgingRow => ({
  id,
  organizationId: organization_id ?? '',
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

type WrittenRow = Written & { readonly id: number }

/** What came from an address and was about consent. */
export const decodeInbound = (row: records.Row<'notification_inbound'>): WrittenRow => {
  const { id, organization_id, channel, address, meaning, text, received_at } = row
  const organizationId = organization_id === '' ? null : organization_id
  return { id, organizationId, channel, address, meaning, text, at: new Date(received_at) }
}

/** What came from an address, and is for people to read. */
export function decodeUnknown(row: records.Row<'notification_answers'>): WrittenRow[] {
  const { id, organization_id: organizationId, channel, address, message: text, answered_at } = row
  if (channel === null || address === null) return []
  return [{ id, organizationId, channel, address, meaning: null, text, at: new Date(answered_at) }]
}

export const decodeBudget = ({ organization_id: organizationId, day, count }: records.Row<'notification_budgets'>) => ({
  organizationId,
  day,
  count,
})

/** Before every request where there is none. */
export const firstRequest = { caller: '', key: '' }
