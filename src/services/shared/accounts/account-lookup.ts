import type { AccountValues } from '../../../channels/channel.ts'
import { type Account, type Channel, channelOf, channels } from '../../../channels/index.ts'
import type { SettingsRow } from '../../../ports/storage.ts'
import { accountEntries, accountValues } from '../../../schemas/channel-settings.ts'
import type { Context } from '../context.ts'
import { accountKeyOfId, channelOfFirst, firstAccountId } from './account-ids.ts'
import { hasSecret, openedValues } from './account-secrets.ts'
import { hostOwner } from './host-accounts.ts'
import { needsOf, transportName } from './providers.ts'

/** What an account signs in with, and the transport that it is for. */
export type Credentials = { readonly transport: string; readonly account: Account }

/** An account by its id, with all credentials by which its provider may have signed something. */
export type KnownAccount = {
  readonly id: string
  /** Null: it is the host application's own. */
  readonly organizationId: string | null
  readonly channel: Channel
  /** Null: it was removed, or cannot be opened or used as it is. */
  readonly current: Credentials | null
  /** What was replaced or removed and is still valid, the last first. */
  readonly previous: readonly (Credentials & { readonly expiresAt: Date })[]
}

type Place = {
  readonly organizationId: string | null
  readonly channel: Channel
  readonly entry: string | null
  /** Null: it is not there any more. */
  readonly values: AccountValues | null
}

/** Finds an account by its id, over all organizations; two reads by index. Null: there is none, nor was there lately. */
export async function accountById(context: Context, id: string): Promise<KnownAccount | null> {
  const { storage, clock } = context.options
  const key = accountKeyOfId(id)
  if (key === null) return null
  await context.hostAccounts.load()
  const isHosts = key === context.providers.hostKey
  const row = isHosts ? null : await storage.settings.byAccountKey(key)
  if (row === null && !isHosts) return null
  const now = clock.now()
  const isRevoked = isHosts && context.options.revokePrevious
  const kept = isRevoked ? [] : (await storage.accounts.previous(id)).filter(({ expiresAt }) => expiresAt > now)
  const [last] = kept
  const gone = last === undefined ? null : { ...last, entry: entryOf(id), values: null }
  const place = (row === null ? hostPlace(context, id, key) : placeIn(row, id)) ?? gone
  if (place === null) return null
  const { organizationId, channel, entry, values } = place
  const owner = organizationId ?? hostOwner
  const open = (sealed: AccountValues) => openedFor(context, owner, channel, entry, sealed)
  return {
    id,
    organizationId,
    channel,
    // The host application's are in its variables, in the clear.
    current: values === null ? null : isHosts ? credentialsOf(context, owner, channel, values) : open(values),
    previous: kept.flatMap(({ account, expiresAt }) => {
      const credentials = open(account)
      return credentials === null ? [] : [{ ...credentials, expiresAt }]
    }),
  }
}

const entryOf = (id: string): string | null => (channelOfFirst(id) === null ? id : null)

function placeIn(row: SettingsRow, id: string): Place | null {
  const { organizationId } = row
  const first = channelOfFirst(id)
  if (first !== null) return { organizationId, channel: first, entry: null, values: accountValues(row, first) }
  const channel = channels.find((one) => accountEntries(row, one).some((entry) => entry.id === id))
  return channel === undefined ? null : { organizationId, channel, entry: id, values: accountValues(row, channel, id) }
}

function hostPlace({ options }: Context, id: string, key: string): Place | null {
  const channel = channels.find((one) => firstAccountId(key, one) === id)
  if (channel === undefined) return null
  return { organizationId: null, channel, entry: null, values: accountValues(options.defaults, channel) }
}

function openedFor(
  context: Context,
  owner: string,
  channel: Channel,
  entry: string | null,
  sealed: AccountValues,
): Credentials | null {
  const { secrets } = context
  if (secrets === null) return hasSecret(channel, sealed) ? null : credentialsOf(context, owner, channel, sealed)
  const values = openedValues(secrets, owner, channel, entry, sealed)
  return values === null ? null : credentialsOf(context, owner, channel, values)
}

/** Null: something is missing without which there is no account. */
function credentialsOf(
  { providers }: Context,
  owner: string,
  channel: Channel,
  values: AccountValues,
): Credentials | null {
  const { account: rules } = channelOf(channel)
  const name = (values[rules.place] ?? null) === null ? null : transportName(rules, values)
  if (name === null) return null
  const isNamed = (one: { readonly name: string }) => one.name.toLowerCase() === name.toLowerCase()
  const transport = providers.transports.find(isNamed) ?? { name, needsAccount: true }
  const opened = rules.open(values, needsOf(transport, owner === hostOwner))
  return typeof opened === 'string' ? null : { transport: transport.name, account: opened.account }
}
