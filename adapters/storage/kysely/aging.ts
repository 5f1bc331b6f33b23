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

/** What came from an address: what was about consent, and what is for people to read. */
export const writtenOf = (
  inbound: readonly records.Row<'notification_inbound'>[],
  answers: readonly records.Row<'notification_answers'>[],
): Written[] => [
  ...inbound.map(({ organization_id, channel, address, meaning, text, received_at }) => ({
    ...{ channel, address, meaning, text, at: new Date(received_at) },
    organizationId: organization_id === '' ? null : organization_id,
  })),
  ...answers.flatMap(({ organization_id: organizationId, channel, address, message: text, answered_at }) =>
    channel === null || address === null
      ? []
      : [{ organizationId, channel, address, meaning: null, text, at: new Date(answered_at) }],
  ),
]

/** Before every request where there is none. */
export const firstRequest = { caller: '', key: '' }
