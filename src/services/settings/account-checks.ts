import { type Channel, channelOf } from '../../channels/index.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import { nameOf, valueAt } from '../../schemas/channel-settings.ts'
import { taskManagerProvider } from '../../schemas/task-manager.ts'
import { type ProviderFault, ruleTable } from '../../schemas/vocabulary.ts'
import { verifyProvider } from '../shared/accounts/provider-calls.ts'
import { isAccountBegun, sourceOf } from '../shared/accounts/providers.ts'
import type { Context } from '../shared/context.ts'
import { accountFields, remedyFor } from './account-findings.ts'
import type { EffectiveChannel } from './effective.ts'

export const accountCheckStatuses = ['ok', 'failing', 'unchecked'] as const

/** Whether the organization's own account for a channel works. */
export type AccountCheck = {
  readonly channel: Channel
  /** Who would send now, as in `effectiveSettings`. */
  readonly provider: EffectiveChannel['provider']
  readonly source: EffectiveChannel['source']
  /**
   * `ok`: the provider accepted the account. `failing`: nothing can be sent with it. `unchecked`: there was no account of the
   * organization's own to check.
   */
  readonly status: (typeof accountCheckStatuses)[number]
  /** Why it is failing, or why nobody would send; for programs. */
  readonly code: string | null
  /** The result in words. Holds no credentials. */
  readonly message: string
  /** The settings to look at or to write, such as `emailPassword`; empty where nothing is wrong. */
  readonly fields: readonly string[]
}

export async function checkAccount(
  context: Pick<Context, 'providers' | 'options'>,
  row: SettingsRow | null,
  channel: Channel,
): Promise<AccountCheck> {
  const { providers, options } = context
  const { name } = channelOf(channel).words
  const nothingWrong = { status: 'unchecked', code: null, fields: [] } as const
  if (providers.delivered) {
    const fault = providers.fault(row, channel)
    if (fault !== null)
      return { channel, provider: null, source: null, status: 'unchecked', ...accountMissing(channel, fault) }
    const sender = { provider: taskManagerProvider, source: taskManagerProvider } as const
    return {
      channel,
      ...sender,
      ...nothingWrong,
      message: 'TaskManager delivers; accounts of organizations are not used.',
    }
  }
  const found = providers.first(row, channel)
  if (typeof found === 'string') {
    const status = row !== null && isAccountBegun(row, channel) ? 'failing' : 'unchecked'
    return { channel, provider: null, source: null, status, ...accountMissing(channel, found) }
  }
  const provider = found.transport.name
  const source = sourceOf(found)
  const about = { channel, provider, source }
  if (source !== 'organization') {
    const used = source === 'default' ? 'the default account of the host application' : `the transport ${provider}`
    const message = `The organization has no account of its own for ${name}; ${used} is used.`
    return { ...about, ...nothingWrong, message }
  }
  if (found.transport.verify === undefined) {
    const message = `The transport ${provider} cannot check an account without sending; send a test message instead.`
    return { ...about, ...nothingWrong, message }
  }
  const failure = await verifyProvider(options, found)
  if (failure === null) {
    return { ...about, ...nothingWrong, status: 'ok', message: 'The provider accepted the account.' }
  }
  const { code, message, field } = failure
  return { ...about, status: 'failing', code, message, fields: field === null ? writtenFields(row, channel) : [field] }
}

/** Why nobody can send, and what to write so that somebody can. */
export const accountMissing = (channel: Channel, fault: ProviderFault) => ({
  code: fault,
  message: `Nothing can be sent on the channel: ${ruleTable[fault]}.`,
  fields: [remedyFor(channel, fault)],
})

/** The settings that make up the account: where a provider refuses it, one of them is wrong. */
export const writtenFields = (row: SettingsRow | null, channel: Channel): string[] =>
  row === null
    ? []
    : accountFields(channel)
        .filter(({ place }) => (valueAt(row, place) ?? null) !== null)
        .map(({ place }) => nameOf(place))
