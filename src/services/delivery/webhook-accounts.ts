import { type Channel, channels } from '../../channels/index.ts'
import type { Transport } from '../../ports/transport.ts'
import type { WebhookAccount } from '../../ports/webhook.ts'
import { channelKey } from '../../schemas/channel-fields.ts'
import { accountById } from '../shared/accounts/account-lookup.ts'
import type { Provider } from '../shared/accounts/providers.ts'
import type { Context } from '../shared/context.ts'

export type FoundAccount = WebhookAccount & { readonly id: string; readonly transport: Transport }

/**
 * An account by the id in the path of its webhook, with what it signed in with before as long as that is valid. A transport without
 * accounts has one webhook a channel, of the channel's name. Null: there is none, or it is of another transport.
 */
export async function webhookAccount(
  context: Context,
  transportName: string,
  id: string,
): Promise<FoundAccount | null> {
  const transport = context.providers.transports.find(({ name }) => name === transportName)
  if (transport === undefined) return null
  const channel = channels.find((one) => channelKey(one) === id)
  if (channel !== undefined) {
    if (transport.needsAccount || !transport.channels.includes(channel)) return null
    return { id, transport, organizationId: null, channel, accounts: [] }
  }
  const known = await accountById(context, id)
  if (known === null) return null
  const { organizationId, current, previous } = known
  const all = current === null ? previous : [current, ...previous]
  const accounts = all.filter((one) => one.transport === transport.name).map(({ account }) => account)
  return accounts.length === 0 ? null : { id, transport, organizationId, channel: known.channel, accounts }
}

/** Where the provider reports on messages of the account; null: nowhere. */
export function webhookUrl(publicUrl: string | null, { transport, account, accountId }: Provider, channel: Channel) {
  const id = accountId ?? (account === null ? channelKey(channel) : null)
  if (publicUrl === null || transport.receipt === undefined || id === null) return null
  return `${publicUrl}/webhooks/${encodeURIComponent(transport.name)}/${id}`
}
