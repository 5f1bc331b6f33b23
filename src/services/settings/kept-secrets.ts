import { channels } from '../../channels/index.ts'
import { type FieldIssue, NotificationError } from '../../errors.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import { type AccountPlace, accountPlaces, nameOf, valueAt } from '../../schemas/channel-settings.ts'
import { inputInvalid } from '../../schemas/common.ts'
import type { SettingsValues } from '../../schemas/settings.ts'
import { secretContext } from '../shared/accounts/providers.ts'
import type { Context } from '../shared/context.ts'

type Patch = Partial<SettingsValues>
type Secrets = Pick<Context, 'secrets'>

/**
 * Secrets are tied to their server. Whoever names another server, account or provider must bring its
 * secrets along, or remove the stored ones: kept, they would be handed to whoever answers at the new place. Taking a
 * place away (null) hands nothing to anybody, and whoever names one again brings the secrets then.
 * @throws NotificationError `invalid_input` naming the secrets that are missing.
 */
export function requireNewSecrets(context: Secrets, before: SettingsRow, patch: Patch): void {
  const issues = channels.flatMap((channel) => {
    const places = new Map(accountPlaces(channel).map((one) => [one.name, one]))
    const change = { context, before, patch, places }
    return [...places.values()].flatMap(({ rules, place }): FieldIssue[] => {
      // A mask that came back is no longer in the patch; null is, and leaves nothing to hand over.
      if ((valueAt(before, place) ?? null) === null || valueAt(patch, place) !== undefined) return []
      const moved = rules.tiedTo?.find(({ fields }) => isMoved(change, fields))
      if (moved === undefined) return []
      const message = `is required again, because the stored secret belongs to another ${moved.words}. Send it in the same request, or null to remove it`
      return [{ field: nameOf(place), message }]
    })
  })
  if (issues.length > 0) throw inputInvalid('organization settings', issues)
}

type Change = {
  readonly context: Secrets
  readonly before: SettingsRow
  readonly patch: Patch
  readonly places: ReadonlyMap<string, AccountPlace>
}

/** Without the first of the fields there is no account; the one that comes later is another one. */
function isMoved({ context, before, patch, places }: Change, fields: readonly string[]): boolean {
  const found = fields.flatMap((name) => places.get(name) ?? [])
  const [first] = found
  if (first === undefined || after(before, patch, first) === null) return false
  return found.some((one) => {
    const written = after(before, patch, one)
    if (written === null) return false
    const stored = settingOf(before, one)
    if (one.rules.isSecret)
      return valueAt(patch, one.place) !== undefined && !isSameSecret(context, before, one, written)
    return one.rules.isCaseless
      ? String(written).toLowerCase() !== String(stored ?? '').toLowerCase()
      : written !== stored
  })
}

/** With its default; null: not set. */
const settingOf = (values: Patch, { place, rules }: AccountPlace): unknown =>
  valueAt(values, place) ?? rules.default ?? null

const after = (before: SettingsRow, patch: Patch, one: AccountPlace): unknown =>
  settingOf(valueAt(patch, one.place) === undefined ? before : patch, one)

/** Both are sealed, and must be opened to compare. */
function isSameSecret({ secrets }: Secrets, before: SettingsRow, { place }: AccountPlace, written: unknown): boolean {
  const stored = valueAt(before, place)
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
