import { type Channel, channelOf, channels } from '../../channels/index.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import type { AccountFinding } from '../../ports/transport.ts'
import { accountPlaces, accountsOf, fieldOf, valueAt } from '../../schemas/channel-settings.ts'
import { inputInvalid, type Warning } from '../../schemas/common.ts'
import { type ProviderFault, ruleTable } from '../../schemas/rules.ts'
import type { SettingsValues } from '../../schemas/settings.ts'
import { sourceOf } from '../shared/accounts/providers.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import { withTimeout } from '../shared/with-timeout.ts'

/** The settings that say through which account a channel is sent; the first of them says that there is one. */
export const accountFields = (channel: Channel, entry: string | null) =>
  accountPlaces(channel, entry).filter(({ rules }) => rules.account)

/** The setting to write so that somebody can send. */
export function remedyFor(values: object, channel: Channel, fault: ProviderFault, entry: string | null): string {
  const { account } = channelOf(channel)
  const field = account.remedies[fault]?.field ?? account.place
  const found = accountPlaces(channel, entry).find(({ name }) => name === field)
  return found === undefined ? channel : fieldOf(values, found.place)
}

/** Transports name the documented settings of the first account; of another one it is the field that holds the same. */
export function placedField(values: object, channel: Channel, entry: string | null, named: string): string {
  const found = accountPlaces(channel, entry).find(({ name, rules }) => (rules.column ?? name) === named)
  return found === undefined ? named : fieldOf(values, found.place)
}

const patienceMs = 3000

/**
 * What keeps the account that is being saved from working, of channels that the change is about.
 * @throws NotificationError `invalid_input` for what can never work.
 */
export async function accountWarnings(
  context: Context,
  row: SettingsRow,
  patch: Partial<SettingsValues>,
): Promise<Warning[]> {
  const isWritten = (channel: Channel, entry: string | null) =>
    accountFields(channel, entry).some(({ place }) => (valueAt(patch, place) ?? null) !== null)
  const about = channels.flatMap((channel) =>
    accountsOf({ channels: patch.channels ?? null }, channel)
      .filter((entry) => isWritten(channel, entry))
      .map((entry) => ({ channel, entry })),
  )
  const found = (await Promise.all(about.map((one) => findingsOf(context, row, one.channel, one.entry)))).flat()
  const issues = found.filter(({ isCertain }) => isCertain).map(({ field, message }) => ({ field, message }))
  if (issues.length > 0) throw inputInvalid('organization settings', issues)
  return found.map(({ field, code, message }) => ({ field, code, message }))
}

async function findingsOf(
  context: Context,
  row: SettingsRow,
  channel: Channel,
  entry: string | null,
): Promise<readonly AccountFinding[]> {
  const { providers, options } = context
  if (providers.delivered) return []
  const provider = providers.find(row, channel).find((one) => one.entry === entry)?.sender
  if (provider === undefined) return []
  if (typeof provider === 'string') {
    const field = remedyFor(row, channel, provider, entry)
    const what = entry === null ? 'on the channel' : 'by the account'
    const message = `nothing can be sent ${what} yet: ${ruleTable[provider]}`
    return [{ field, code: provider, message, isCertain: false }]
  }
  const { transport, account } = provider
  if (sourceOf(provider) !== 'organization' || account === null || transport.inspect === undefined) return []
  const end = new AbortController()
  const looking = (async () => transport.inspect?.(account, { signal: end.signal }) ?? [])().catch((error: unknown) => {
    options.logger.warn('account check failed', { organizationId: row.organizationId, channel, fault: faultOf(error) })
    return []
  })
  const findings = await withTimeout(options.clock, patienceMs, looking, () => {
    end.abort()
    return []
  })
  return findings.map((one) => ({ ...one, field: placedField(row, channel, entry, one.field) }))
}
