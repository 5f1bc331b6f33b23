import { encodeOptionalId } from '../ports/rows/ids.ts'
import { type Rows, unassigned } from '../ports/rows/rows.ts'
import type { NewConsent } from '../ports/storage/consents.ts'
import { encodeActor } from './codecs/audit.ts'

/** A row of the append-only record of consent. */
export function appendConsent(rows: Rows, { by, recipient, ...consent }: NewConsent): void {
  rows.append('notification_consents', {
    id: unassigned,
    organization_id: consent.organizationId,
    at: consent.at.getTime(),
    act: consent.act,
    how: consent.how,
    ...encodeActor(by),
    recipient_type: recipient?.type ?? null,
    recipient_id: encodeOptionalId(rows.ids, 'recipient', recipient?.id ?? null),
    address_id: consent.addressId,
    channel: consent.channel,
    category: consent.category,
    wording: consent.wording,
  })
}
