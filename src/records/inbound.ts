import { isAnswered, isPersons } from '../domain/address.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Read, type Rows, read, unassigned } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { AddressRef } from '../ports/storage/addresses.ts'
import type { ConsentCommand, NewInbound } from '../ports/storage/consents.ts'
import { rowIdOf } from './addresses.ts'
import { decodeAnswered, decodeStanding } from './codecs/addresses.ts'

const of = ({ organizationId: organization_id, channel, address }: AddressRef) => ({
  organization_id,
  channel,
  address,
})

/** False: the message was kept before. */
export function keep(rows: Rows, { accountId, messageId, deciders, ...message }: NewInbound): boolean {
  const row = (organization_id: string, text: string | null): Row<'notification_inbound'> => ({
    id: unassigned,
    account_id: accountId,
    message_id: messageId,
    organization_id,
    channel: message.channel,
    address: message.address,
    meaning: message.meaning,
    text,
    received_at: message.at.getTime(),
    open_at: text === null ? null : message.at.getTime(),
    decided_at: null,
  })
  const isDecider = deciders.includes(message.organizationId)
  const first = row(message.organizationId, isDecider ? message.text : null)
  if (rows.insertNew(keys.inbound, first) === null) return false
  for (const one of deciders) if (one !== message.organizationId) rows.insertNew(keys.inbound, row(one, message.text))
  return true
}

/** The address as the sender knows it that was written to. */
export const senderOf = ({ organizationId, channel, address }: NewInbound): AddressRef => ({
  organizationId,
  channel,
  address,
})

export const inboundReads = ({ inbound }: ConsentCommand): Read[] =>
  inbound === null
    ? []
    : [...new Set([inbound.organizationId, ...inbound.deciders])].map((organization_id) =>
        read(keys.inbound, { account_id: inbound.accountId, message_id: inbound.messageId, organization_id }, 'none'),
      )

/** That the person wrote there: also where it is reported late, after what they wrote since. */
export function noteHeard(rows: Rows, inbound: NewInbound): void {
  const id = rowIdOf(rows, senderOf(inbound), inbound.at)
  const before = rows.get(keys.address, of(senderOf(inbound)))?.heard_at ?? 0
  const heard_at = Math.max(before, inbound.writtenAt.getTime())
  rows.update('notification_addresses', id, { heard_at, updated_at: inbound.at.getTime() })
}

/** Whether the person wants nothing more of the sender. */
export const isStoppedAt = (rows: Rows, sender: AddressRef): boolean => {
  const row = rows.get(keys.address, of(sender))
  const cause = row === undefined ? null : (decodeStanding(row).suppression?.cause ?? null)
  return cause !== null && isPersons(cause)
}

/** Whether the person is to be told, which then counts as said. */
export function noteAnswered(
  rows: Rows,
  { reply, at: now, ...message }: NewInbound,
  { isChanged, isStopped }: { readonly isChanged: boolean; readonly isStopped: boolean },
): boolean {
  const row = rows.get(keys.address, of(message))
  if (reply === null || row === undefined) return false
  const answered = decodeAnswered(row)
  if (!isAnswered(reply, { isChanged, isStopped, lastAt: answered[reply] ?? null, now })) return false
  rows.update('notification_addresses', row.id, { answered: JSON.stringify({ ...answered, [reply]: now }) })
  return true
}
