import { channelOf, channels } from '../../channels/index.ts'
import { type FieldIssue, NotificationError } from '../../errors.ts'
import type { PreviousAccount, SettingsRow } from '../../ports/storage.ts'
import {
  type AccountPlace,
  accountPlaces,
  accountsOf,
  accountValues,
  fieldOf,
  valueAt,
} from '../../schemas/channel-settings.ts'
import { inputInvalid } from '../../schemas/common.ts'
import type { SettingsValues } from '../../schemas/settings.ts'
import { firstAccountId } from '../shared/accounts/account-ids.ts'
import { secretContext } from '../shared/accounts/account-secrets.ts'
import type { Context } from '../shared/context.ts'

type Secrets = Pick<Context, 'secrets'>

/**
 * Secrets are tied to their server. Whoever names another server, account or provider must bring its
 * secrets along, or remove the stored ones: kept, they would be handed to whoever answers at the new place. Taking a
 * place away (null) hands nothing to anybody, and whoever names one again brings the secrets then.
 * @throws NotificationError `invalid_input` naming the secrets that are missing.
 */
export function requireNewSecrets(context: Secrets, before: SettingsRow, after: SettingsValues): void {
  const accounts = channels.flatMap((channel) => accountsOf(before, channel).map((entry) => ({ channel, entry })))
  const issues = accounts.flatMap(({ channel, entry }) => {
    if (entry !== null && !accountsOf(after, channel).includes(entry)) return []
    const places = new Map(accountPlaces(channel, entry).map((one) => [one.name, one]))
    const change = { context, before, after, places }
    return [...places.values()].flatMap(({ rules, place }): FieldIssue[] => {
      const stored = valueAt(before, place) ?? null
      // One that is written is sealed anew; null leaves nothing to hand over.
      if (stored === null || valueAt(after, place) !== stored) return []
      const moved = rules.tiedTo?.find(({ fields }) => isMoved(change, fields))
      if (moved === undefined) return []
      const message = `is required again, because the stored secret belongs to another ${moved.words}. Send it in the same request, or null to remove it`
      return [{ field: fieldOf(after, place), message }]
    })
  })
  if (issues.length > 0) throw inputInvalid('organization settings', issues)
}

type Change = {
  readonly context: Secrets
  readonly before: SettingsRow
  readonly after: SettingsValues
  readonly places: ReadonlyMap<string, AccountPlace>
}

/** Without the first of the fields there is no account; the one that comes later is another one. */
function isMoved({ context, before, after, places }: Change, fields: readonly string[]): boolean {
  const found = fields.flatMap((name) => places.get(name) ?? [])
  const [first] = found
  if (first === undefined || settingOf(after, first) === null) return false
  return found.some((one) => {
    const written = settingOf(after, one)
    if (written === null) return false
    const stored = settingOf(before, one)
    if (one.rules.isSecret) return !isSameSecret(context, before, one, written)
    return one.rules.isCaseless
      ? String(written).toLowerCase() !== String(stored ?? '').toLowerCase()
      : written !== stored
  })
}

/** With its default; null: not set. */
const settingOf = (values: SettingsValues, { place, rules }: AccountPlace): unknown =>
  valueAt(values, place) ?? rules.default ?? null

/**
 * The accounts whose secrets a change replaces or removes, as they were: what their providers signed with those is verified for
 * as long as the channel's receipts may take. A secret that is written again is none that is replaced.
 */
export function replacedAccounts(
  context: Pick<Context, 'secrets' | 'options'>,
  before: SettingsRow,
  after: SettingsValues,
): PreviousAccount[] {
  const { organizationId, accountKey } = before
  return channels.flatMap((channel) =>
    accountsOf(before, channel).flatMap((entry): PreviousAccount[] => {
      const accountId = entry ?? (accountKey === null ? null : firstAccountId(accountKey, channel))
      const isReplaced = accountPlaces(channel, entry).some(
        (one) =>
          one.rules.isSecret === true &&
          (valueAt(before, one.place) ?? null) !== null &&
          !isSameSecret(context, before, one, valueAt(after, one.place)),
      )
      if (accountId === null || !isReplaced) return []
      const { withinHours } = channelOf(channel).receipts
      const expiresAt = new Date(context.options.clock.now().getTime() + withinHours * 3_600_000)
      return [{ accountId, organizationId, channel, account: accountValues(before, channel, entry), expiresAt }]
    }),
  )
}

/** Both are sealed, and must be opened to compare. */
function isSameSecret({ secrets }: Secrets, before: SettingsRow, { place }: AccountPlace, written: unknown): boolean {
  const stored = valueAt(before, place)
  if (stored === written) return true
  if (typeof stored !== 'string' || typeof written !== 'string' || secrets === null) return false
  const context = secretContext(before.organizationId, place)
  try {
    return secrets.open(stored, context) === secrets.open(written, context)
  } catch (error) {
    // What cannot be read any more cannot be shown to be the same.
    if (error instanceof NotificationError) return false
    throw error
  }
}
