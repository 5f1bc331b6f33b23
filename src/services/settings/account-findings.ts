import { type Channel, channelOf, channels } from '../../channels/index.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import type { AccountFinding } from '../../ports/transport.ts'
import { accountPlaces, nameOf, valueAt } from '../../schemas/channel-settings.ts'
import { inputInvalid, type Warning } from '../../schemas/common.ts'
import type { SettingsValues } from '../../schemas/settings.ts'
import { type ProviderFault, ruleTable } from '../../schemas/vocabulary.ts'
import { sourceOf } from '../shared/accounts/providers.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import { withTimeout } from '../shared/with-timeout.ts'

/** The settings that say through which account a channel is sent; the first of them says that there is one. */
export const accountFields = (channel: Channel) => accountPlaces(channel).filter(({ rules }) => rules.account)

/** The setting to write so that somebody can send. */
export function remedyFor(channel: Channel, fault: ProviderFault): string {
  const { account } = channelOf(channel)
  const field = account.remedies[fault]?.field ?? account.place
  const found = accountPlaces(channel).find(({ name }) => name === field)
  return found === undefined ? channel : nameOf(found.place)
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
  const about = channels.filter((channel) =>
    accountFields(channel).some(({ place }) => (valueAt(patch, place) ?? null) !== null),
  )
  const found = (await Promise.all(about.map((channel) => findingsOf(context, row, channel)))).flat()
  const issues = found.filter(({ isCertain }) => isCertain).map(({ field, message }) => ({ field, message }))
  if (issues.length > 0) throw inputInvalid('organization settings', issues)
  return found.map(({ field, code, message }) => ({ field, code, message }))
}

async function findingsOf(context: Context, row: SettingsRow, channel: Channel): Promise<readonly AccountFinding[]> {
  const { providers, options } = context
  if (providers.delivered) return []
  const provider = providers.first(row, channel)
  if (typeof provider === 'string') {
    const field = remedyFor(channel, provider)
    return [
      {
        field,
        code: provider,
        message: `nothing can be sent on the channel yet: ${ruleTable[provider]}`,
        isCertain: false,
      },
    ]
  }
  const { transport, account } = provider
  if (sourceOf(provider) !== 'organization' || account === null || transport.inspect === undefined) return []
  const end = new AbortController()
  const looking = (async () => transport.inspect?.(account, { signal: end.signal }) ?? [])().catch((error: unknown) => {
    options.logger.warn('account check failed', { organizationId: row.organizationId, channel, fault: faultOf(error) })
    return []
  })
  return withTimeout(options.clock, patienceMs, looking, () => {
    end.abort()
    return []
  })
}
