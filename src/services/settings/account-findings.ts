import type { SettingsRow } from '../../ports/storage.ts'
import type { AccountFinding } from '../../ports/transport.ts'
import { inputInvalid, type Warning } from '../../schemas/common.ts'
import { namesWith } from '../../schemas/fields.ts'
import { type SettingsValues, settingsFields } from '../../schemas/settings.ts'
import { type Channel, channels, type ProviderFault, ruleTable } from '../../schemas/vocabulary.ts'
import { sourceOf } from '../shared/accounts/providers.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import { withTimeout } from '../shared/with-timeout.ts'

/** The settings that say through which account a channel is sent; the first of them says that there is one. */
const accountFields = (channel: Channel) =>
  namesWith(settingsFields, 'account').filter((name) => settingsFields[name].account === channel)

/** What to write so that somebody can send. */
const remedies: Readonly<Record<Channel, Readonly<Partial<Record<ProviderFault, keyof SettingsValues>>>>> = {
  EMAIL: { no_sender: 'emailFromAddress' },
  SMS: { no_credentials: 'smsApiSecret' },
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
    accountFields(channel).some((field) => patch[field] !== undefined && patch[field] !== null),
  )
  const found = (await Promise.all(about.map((channel) => findingsOf(context, row, channel)))).flat()
  const issues = found.filter(({ isCertain }) => isCertain).map(({ field, message }) => ({ field, message }))
  if (issues.length > 0) throw inputInvalid('organization settings', issues)
  return found.map(({ field, code, message }) => ({ field, code, message }))
}

async function findingsOf(context: Context, row: SettingsRow, channel: Channel): Promise<readonly AccountFinding[]> {
  const { providers, options } = context
  if (providers.delivered) return []
  const provider = providers.find(row, channel)
  if (typeof provider === 'string') {
    const field = remedies[channel][provider] ?? accountFields(channel)[0] ?? channel
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
