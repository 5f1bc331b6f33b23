import { isRefusedAgain } from '../../domain/bounce.ts'
import type { DeliveryRow, SettingsRow } from '../../ports/storage.ts'
import { accountKeyOfId } from '../shared/accounts/account-ids.ts'
import type { Context } from '../shared/context.ts'
import { ownAddress } from '../shared/knowledge.ts'
import { KnownAddresses, type OwnAddress } from '../shared/known-addresses.ts'

/** Of an address that very many messages went to, older ones are not looked at. */
export const recentMessages = 200

export type Addressed = {
  readonly address: OwnAddress
  /** When a suppression was last lifted: what was sent before says nothing of the address any more. */
  readonly liftedAt: Date | null
}

/** When a message went out: for one whose outcome was never known, when it was asked for. */
const sentOf = ({ sentAt, createdAt }: DeliveryRow): Date => sentAt ?? createdAt

/**
 * Where a message went, as its reports concern it. Whether the sender is shared is a matter of the account that sent it: by now the
 * organization may send by another one.
 */
export async function sentTo(
  context: Context,
  { organizationId, channel, accountId }: DeliveryRow,
  recipientAddress: string,
  settings: SettingsRow | null,
): Promise<OwnAddress> {
  const address = ownAddress(context, settings, organizationId, channel, recipientAddress)
  if (accountId === null) return address
  await context.hostAccounts.load()
  return { ...address, isShared: accountKeyOfId(accountId) === context.providers.hostKey }
}

/** Null: a suppression was lifted since the message was sent, which its report no longer concerns. */
export async function concernedBy(context: Context, row: DeliveryRow, address: OwnAddress): Promise<Addressed | null> {
  const known = await KnownAddresses.load(context.options.storage.addresses, [address])
  const liftedAt = known.own(address)?.liftedAt ?? null
  return liftedAt !== null && liftedAt >= sentOf(row) ? null : { address, liftedAt }
}

/**
 * Whether a message of another day to the same address was refused with the same code, which says that nobody has it. A server that lost
 * its directory for an hour says so of everybody, and that must not suppress a patient for good. Read from the history: a server that
 * accepts each message and sends it back later makes the address look well in between.
 */
export async function isRefusedOnAnotherDay(
  { options: { storage } }: Context,
  row: DeliveryRow,
  code: string,
  { address, liftedAt }: Addressed,
): Promise<boolean> {
  const { rows } = await storage.deliveries.list({
    channel: address.channel,
    recipientAddress: address.address,
    // By an account of the host application, it is the same server that says so of all.
    ...(address.isShared ? {} : { organizationId: address.organizationId }),
    limit: recentMessages,
    offset: 0,
  })
  const messages = rows.map((one) => ({ id: one.id, at: sentOf(one), result: resultOf(one, code) }))
  return isRefusedAgain(messages, { id: row.id, at: sentOf(row) }, liftedAt)
}

function resultOf({ status, errorCode }: DeliveryRow, code: string): 'refused' | 'accepted' | null {
  if (status === 'SENT' || status === 'DELIVERED') return 'accepted'
  return (status === 'BOUNCED' || status === 'FAILED') && errorCode === code ? 'refused' : null
}
