import { encodeOptionalId, type IdCodec, instant } from '../../ports/rows/ids.ts'
import type { Row } from '../../ports/rows/tables/tables.ts'
import type { LinkRow } from '../../ports/storage/links.ts'

export const decodeLink = (row: Row<'notification_links'>): LinkRow => ({
  hash: row.hash,
  organizationId: row.organization_id,
  purpose: row.purpose,
  recipient: { type: row.recipient_type, id: row.recipient_id },
  appointmentId: row.appointment_id,
  channel: row.channel,
  category: row.category,
  startsAt: instant(row.starts_at),
  contact: row.contact,
  expiresAt: new Date(row.expires_at),
  createdAt: new Date(row.created_at),
})

export const encodeLink = (link: LinkRow, ids: IdCodec): Row<'notification_links'> => ({
  hash: link.hash,
  organization_id: link.organizationId,
  purpose: link.purpose,
  recipient_type: link.recipient.type,
  recipient_id: ids('recipient', link.recipient.id),
  appointment_id: encodeOptionalId(ids, 'appointment', link.appointmentId),
  channel: link.channel,
  category: link.category,
  starts_at: link.startsAt?.getTime() ?? null,
  contact: link.contact,
  expires_at: link.expiresAt.getTime(),
  created_at: link.createdAt.getTime(),
})
