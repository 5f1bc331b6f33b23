import type { Channel } from '../channels/index.ts'
import { encodeOptionalId } from '../ports/rows/ids.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Rows, unassigned } from '../ports/rows/rows.ts'
import type { Party } from '../ports/storage/addresses.ts'
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

/**
 * Whether the last word about a person's channel came from an address, as STOP does. What they said since then by any other way, a page or the API, is
 * their own, and no START takes it back. The records of the person must have been read.
 */
export function isSaidByAddress(rows: Rows, { organizationId, recipient }: Party, channel: Channel): boolean {
  const of = { recipient_type: recipient.type, recipient_id: rows.ids('recipient', recipient.id) }
  const last = rows
    .list(keys.consentsOfRecipient, of)
    .filter((one) => one.organization_id === organizationId && one.channel === channel && one.category === null)
    .toSorted((one, other) => one.id - other.id)
    .at(-1)
  return last === undefined || last.address_id !== null
}
