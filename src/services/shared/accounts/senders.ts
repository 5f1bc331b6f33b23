import type { Channel } from '../../../channels/index.ts'
import type { SendQueue } from '../../../ports/storage.ts'
import type { ServiceOptions } from '../service-options.ts'
import { type Candidates, firstOf, type Provider, type Providers } from './providers.ts'

/** What accounts need of what the services share. */
export type AccountsContext = {
  readonly options: ServiceOptions
  readonly providers: Providers
  readonly hostAccounts: { load(): Promise<void> }
  /** Something may be due at this time. */
  readonly dueAt: (at: Date) => void
}

/** Who sends for these organizations, by their settings as they are now; null: nobody can from here. */
export async function sendersOf(
  context: AccountsContext,
  organizationIds: readonly string[],
): Promise<(queue: SendQueue) => Provider | null> {
  const accountsOf = await candidatesOf(context, organizationIds)
  return ({ organizationId, channel }) => {
    const { sender } = firstOf(accountsOf(organizationId, channel))
    return typeof sender === 'string' ? null : sender
  }
}

/** The accounts of these organizations, in the order of use; null: the host application's own. */
export async function candidatesOf(
  { options, providers }: AccountsContext,
  organizationIds: readonly string[],
): Promise<(organizationId: string | null, channel: Channel) => Candidates> {
  const ids = [...new Set(organizationIds)]
  const rows = ids.length === 0 ? [] : await options.storage.settings.get(ids)
  const rowOf = new Map(rows.map((row) => [row.organizationId, row]))
  return (id, channel) => providers.find(id === null ? null : (rowOf.get(id) ?? null), channel)
}

/** One word for the account that a provider sends through: changed credentials are another account. */
export const accountKeyOf = (provider: Provider): string => `${provider.transport.name}:${provider.accountKey}`

/** The code of an account that sent as much as it may on a day. */
export const dailyLimitCode = 'daily_limit'

/** The codes of an account of which too many messages fail, or take too long. */
export const failuresCode = 'many_failures'
export const slowCode = 'slow_answers'

/** One word for the account with its limit a day: another limit is another word. Null: it has none. */
export const limitKeyOf = (provider: Provider): string | null =>
  provider.limits.perDay === null ? null : `${accountKeyOf(provider)} ${provider.limits.perDay}/day`

/** What the keys begin with of what this sender may not send to: a sender's fault towards a country is not the account's. */
const routesOf = (provider: Provider): string => `${accountKeyOf(provider)} ${provider.from ?? ''}→`

/** One word for what the sender sends to the addresses that begin with `destination`. */
export const routeKeyOf = (provider: Provider, destination: string): string => `${routesOf(provider)}${destination}`

/** What a key of the sender's is about; null: it is none of them. */
export function destinationOf(provider: Provider, key: string): string | null {
  const beginning = routesOf(provider)
  return key.startsWith(beginning) ? key.slice(beginning.length) : null
}

/**
 * What a key says of the account that a provider sends through, whoever is the sender: that it is refused (`destination`
 * null), or that a sender of it may not send to the addresses that begin so. Null: it is another account's.
 */
export function aboutOf(provider: Provider, key: string): { readonly destination: string | null } | null {
  const account = accountKeyOf(provider)
  if (key === account || key === limitKeyOf(provider)) return { destination: null }
  const place = key.lastIndexOf('→')
  return place >= 0 && key.startsWith(`${account} `) ? { destination: key.slice(place + 1) } : null
}
