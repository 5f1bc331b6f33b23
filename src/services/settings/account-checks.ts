import { z } from 'zod'
import { type Channel, channelOf } from '../../channels/index.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import { channelsInUse, fieldOf, valueAt } from '../../schemas/channel-settings.ts'
import { fieldInvalid } from '../../schemas/common.ts'
import { type ProviderFault, ruleTable } from '../../schemas/rules.ts'
import { emptySettings } from '../../schemas/settings.ts'
import { taskManagerProvider } from '../../schemas/task-manager.ts'
import { isAccountBegun } from '../shared/accounts/account-secrets.ts'
import { verifyProvider } from '../shared/accounts/provider-calls.ts'
import { type Candidate, sourceOf } from '../shared/accounts/providers.ts'
import type { Context } from '../shared/context.ts'
import { policyOf } from '../shared/settings-view.ts'
import { accountFields, placedField, remedyFor } from './account-findings.ts'
import type { EffectiveChannel } from './effective.ts'

export const accountCheckStatuses = ['ok', 'failing', 'unchecked'] as const

export const verifyOptions = z.strictObject({
  /** Id of one account of the organization. Default: all of its accounts are checked. */
  accountId: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('Only this account of the organization. Default: all of them'),
})
/** Which accounts to check. */
export type VerifyOptions = z.input<typeof verifyOptions>

/** Whether an account of the organization works. */
export type AccountCheck = {
  readonly channel: Channel
  /** Of the account; null: it has none, as it is no account of the organization or the host application. */
  readonly accountId: string | null
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

/** An account of a channel that would be used. */
export type OwnAccount = { readonly channel: Channel; readonly candidate: Candidate }

export const accountsInUse = ({ providers }: Pick<Context, 'providers'>, row: SettingsRow | null): OwnAccount[] =>
  channelsInUse(policyOf(row)).flatMap((channel) =>
    providers.find(row, channel).map((candidate) => ({ channel, candidate })),
  )

/** @throws NotificationError `invalid_input`: none of the organization's accounts has the id. */
export function accountNamed(
  context: Pick<Context, 'providers'>,
  row: SettingsRow | null,
  accountId: string,
): OwnAccount {
  const found = accountsInUse(context, row).find(({ candidate }) => candidate.accountId === accountId)
  if (found !== undefined && accountId !== context.providers.hostIdOf(found.channel)) return found
  throw fieldInvalid('accountId', "is none of the organization's own accounts")
}

export async function checkAccount(
  context: Pick<Context, 'providers' | 'options'>,
  row: SettingsRow | null,
  { channel, candidate }: OwnAccount,
): Promise<AccountCheck> {
  const { providers, options } = context
  const { accountId, entry, sender: found } = candidate
  const { name } = channelOf(channel).words
  const nothingWrong = { status: 'unchecked', code: null, fields: [] } as const
  if (providers.delivered) {
    const fault = providers.fault(row, channel)
    if (fault !== null)
      return {
        channel,
        accountId: null,
        provider: null,
        source: null,
        status: 'unchecked',
        ...accountMissing(row, channel, fault),
      }
    const sender = { provider: taskManagerProvider, source: taskManagerProvider } as const
    return {
      channel,
      accountId: null,
      ...sender,
      ...nothingWrong,
      message: 'TaskManager delivers; accounts of organizations are not used.',
    }
  }
  if (typeof found === 'string') {
    const status = row !== null && (entry !== null || isAccountBegun(row, channel)) ? 'failing' : 'unchecked'
    return { channel, accountId, provider: null, source: null, status, ...accountMissing(row, channel, found, entry) }
  }
  const provider = found.transport.name
  const source = sourceOf(found)
  const about = { channel, accountId, provider, source }
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
  const fields = wrongFields(row, channel, entry, field)
  return { ...about, status: 'failing', code, message, fields }
}

/** Why nobody can send, and what to write so that somebody can. */
export const accountMissing = (
  row: SettingsRow | null,
  channel: Channel,
  fault: ProviderFault,
  entry: string | null = null,
) => ({
  code: fault,
  message:
    entry === null
      ? `Nothing can be sent on the channel: ${ruleTable[fault]}.`
      : `Nothing can be sent by the account: ${ruleTable[fault]}.`,
  fields: [remedyFor(row ?? emptySettings, channel, fault, entry)],
})

/** The settings of an account that a provider refuses: the one that its transport names, or all that are written. */
export const wrongFields = (row: SettingsRow | null, channel: Channel, entry: string | null, named: string | null) =>
  named === null ? writtenFields(row, channel, entry) : [placedField(row ?? emptySettings, channel, entry, named)]

/** The settings that make up the account: where a provider refuses it, one of them is wrong. */
const writtenFields = (row: SettingsRow | null, channel: Channel, entry: string | null): string[] =>
  row === null
    ? []
    : accountFields(channel, entry)
        .filter(({ place }) => (valueAt(row, place) ?? null) !== null)
        .map(({ place }) => fieldOf(row, place))
