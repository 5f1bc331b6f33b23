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

/** Which account would send on a channel of an organization now. */
export type EffectiveChannel = {
  /** Whether the organization's settings enable the channel. */
  readonly enabled: boolean
  /** Name of the transport, or `task_manager` if TaskManager delivers; null: none, and `fault` says why. */
  readonly provider: string | null
  /**
   * Whose account it is. `organization`: its own. `default`: the host application's (`DEFAULT_*` variables). `transport`:
   * the transport needs no account.
   */
  readonly source: 'organization' | 'default' | 'transport' | 'task_manager' | null
  /**
   * Why nothing would be sent now; null: messages are sent. The rule by which there is no provider, or `account_paused` or
   * `account_limited`. With `account_failing` messages are sent all the same: every account that is not paused fails often.
   */
  readonly fault: Rule | null
  /** Set if the account is paused because its provider refused it. */
  readonly pause: AccountPause | null
  /**
   * Destinations that the sender may not send to, by the beginning of the number (`+44`). Messages to these wait, all others
   * are sent.
   */
  readonly pausedDestinations: readonly DestinationPause[]
  /** All accounts that may send, in the order of use, which weights may change. Empty if TaskManager delivers. */
  readonly accounts: readonly AccountState[]
}

/** An account that may send for an organization, and whether it can send now. */
export type AccountState = {
  /** Id of the account, which never changes; null: the transport needs no account. */
  readonly accountId: string | null
  readonly provider: string | null
  readonly source: EffectiveChannel['source']
  /** Why it cannot send now: a field is missing, or it is paused. Null: it is ready. */
  readonly fault: Rule | null
  readonly pause: AccountPause | null
  readonly pausedDestinations: readonly DestinationPause[]
}
/** An organization's settings, and which account would send on each channel now. */
export type EffectiveSettings = {
  readonly organizationId: string
  /** False: the organization has no settings yet, and the defaults apply. */
  readonly configured: boolean
  /** Null: the organization has none yet. */
  readonly settings: OrganizationSettings | null
  /** `EMAIL` and `SMS` always; other channels if the settings have them. */
  readonly channels: ByChannel<EffectiveChannel>
}
/** What a patient or client would be sent, by category and channel. */
export type EffectivePreferences = {
  readonly recipient: PreferenceRef
  readonly organizationId: string
  /** Null: the person has none yet, and everything is inherited. */
  readonly preferences: Preferences | null
  /** One for each category and channel. */
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
