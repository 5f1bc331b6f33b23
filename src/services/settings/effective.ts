import type { Channel } from '../../channels/index.ts'
import type { EffectiveDecision } from '../../domain/effective.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import type { ByChannel } from '../../schemas/channel-fields.ts'
import { channelSettings } from '../../schemas/channel-settings.ts'
import type { PreferenceRef, Preferences } from '../../schemas/preferences.ts'
import type { Rule } from '../../schemas/rules.ts'
import type { OrganizationSettings } from '../../schemas/settings.ts'
import { taskManagerProvider } from '../../schemas/task-manager.ts'
import type { Category } from '../../schemas/vocabulary.ts'
import type { AccountPause, DestinationPause } from '../shared/accounts/paused-accounts.ts'
import { type Candidate, firstOf, sourceOf } from '../shared/accounts/providers.ts'
import { dailyLimitCode } from '../shared/accounts/senders.ts'
import type { Context } from '../shared/context.ts'
import { policyOf } from '../shared/settings-view.ts'

/** Which provider would serve a channel of an organization now. */
export type EffectiveChannel = {
  readonly enabled: boolean
  /** The name of the transport, or `task_manager` where TaskManager delivers; null: none, and `fault` says why. */
  readonly provider: string | null
  /**
   * `organization`: by its own account. `default`: by the host's `DEFAULT_*` account. `transport`: without an account.
   */
  readonly source: 'organization' | 'default' | 'transport' | 'task_manager' | null
  /**
   * Why nothing would be sent now: the rule why there is no provider, `account_paused` or `account_limited`. `account_failing`: every
   * account that is not paused fails too often, and is used all the same.
   */
  readonly fault: Rule | null
  /**
   * The account is paused because it was refused, with the transport's word for it; null otherwise. `until`: when it is
   * tried again.
   */
  readonly pause: AccountPause | null
  /** Where the sender may not send to, by how the numbers begin (`+44`): what is due for these waits, all else is sent. */
  readonly pausedDestinations: readonly DestinationPause[]
  /** All accounts that may send, in the order of use, which a weight may change; empty where TaskManager delivers. */
  readonly accounts: readonly AccountState[]
}

/** An account that may send for an organization, and whether it can. */
export type AccountState = {
  /** Never changes; null: it needs no account. */
  readonly accountId: string | null
  readonly provider: string | null
  readonly source: EffectiveChannel['source']
  /** Why it cannot send now: what it lacks, or that it is paused. Null: it is ready. */
  readonly fault: Rule | null
  readonly pause: AccountPause | null
  readonly pausedDestinations: readonly DestinationPause[]
}
export type EffectiveSettings = {
  readonly organizationId: string
  readonly configured: boolean
  readonly settings: OrganizationSettings | null
  /** E-mail and SMS, and the others that the settings have. */
  readonly channels: ByChannel<EffectiveChannel>
}
export type EffectivePreferences = {
  readonly recipient: PreferenceRef
  readonly organizationId: string
  readonly preferences: Preferences | null
  readonly decisions: readonly (EffectiveDecision & { readonly category: Category; readonly channel: Channel })[]
}

const none = { provider: null, source: null, fault: null, pause: null, pausedDestinations: [], accounts: [] }

export function effectiveChannel(
  context: Pick<Context, 'providers' | 'accounts'>,
  row: SettingsRow | null,
  channel: Channel,
): EffectiveChannel {
  const { providers } = context
  const { enabled } = channelSettings(policyOf(row), channel)
  if (providers.delivered) {
    const fault = providers.fault(row, channel)
    if (fault !== null) return { ...none, enabled, fault }
    return { ...none, enabled, provider: taskManagerProvider, source: taskManagerProvider }
  }
  const candidates = providers.find(row, channel)
  const accounts = candidates.map((one) => accountState(context, one))
  const isReady = ({ fault }: AccountState) => fault === null
  const isFailing = ({ fault }: AccountState) => fault === 'account_failing'
  const { accountId: _id, ...used } =
    accounts.find(isReady) ?? accounts.find(isFailing) ?? accountState(context, firstOf(candidates))
  return { enabled, ...used, accounts }
}

function accountState({ accounts }: Pick<Context, 'accounts'>, { accountId, sender }: Candidate): AccountState {
  if (typeof sender === 'string') {
    return { accountId, provider: null, source: null, fault: sender, pause: null, pausedDestinations: [] }
  }
  const pause = accounts.pause(sender)
  const refused = pause?.code === dailyLimitCode ? 'account_limited' : 'account_paused'
  const fault = pause === null ? null : accounts.isOnlyFailing(sender) ? 'account_failing' : refused
  const pausedDestinations = accounts.pausedDestinations(sender)
  return { accountId, provider: sender.transport.name, source: sourceOf(sender), fault, pause, pausedDestinations }
}
