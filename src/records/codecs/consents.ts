import { instant } from '../../ports/rows/ids.ts'
import type { Row } from '../../ports/rows/tables/tables.ts'
import type { ConsentRecord, Doubt } from '../../schemas/consent.ts'
import { decodeActor } from './audit.ts'

export const decodeConsent = (row: Row<'notification_consents'>): ConsentRecord => ({
  id: row.id,
  organizationId: row.organization_id,
  at: new Date(row.at),
  act: row.act,
  how: row.how,
  by: decodeActor(row),
  recipient:
    row.recipient_type === null || row.recipient_type === 'PRACTITIONER' || row.recipient_id === null
      ? null
      : { type: row.recipient_type, id: row.recipient_id },
  addressId: row.address_id,
  channel: row.channel,
  category: row.category,
  wording: row.wording,
})

export const decodeInbound = (row: Row<'notification_inbound'>): Doubt => ({
  id: row.id,
  organizationId: row.organization_id,
  channel: row.channel,
  address: row.address,
  text: row.text ?? '',
  receivedAt: new Date(row.received_at),
  decidedAt: instant(row.decided_at),
})
