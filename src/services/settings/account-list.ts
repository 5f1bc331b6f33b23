import { type Channel, channelOf, channels } from '../../channels/index.ts'
import type { FieldIssue } from '../../errors.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import { type AccountEntry, channelKey } from '../../schemas/channel-fields.ts'
import {
  accountEntries,
  accountPlaces,
  fieldOf,
  type Place,
  valueAt,
  withValueAt,
} from '../../schemas/channel-settings.ts'
import { inputInvalid } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { secretMask } from '../../schemas/fields.ts'
import type { SettingsValues } from '../../schemas/settings.ts'
import { newAccountId, newAccountKey } from '../shared/accounts/account-ids.ts'
import type { Context } from '../shared/context.ts'
import { requireTransport, sealedAt } from './settings-patch.ts'

type Patch = Partial<SettingsValues>
type Keyed<T> = T & { readonly accountKey: string }

const listPlace = (channel: Channel): Place => ['channels', channelKey(channel), 'accounts']

/**
 * A patch with its lists of accounts as they are to be stored: an entry with an id is what the account was, changed by what the
 * entry says; one without gets an id. Secrets are sealed where they are written, and kept where they are left out or masked.
 * @throws NotificationError `invalid_input` for an id that is not known, or that comes twice, and for the mask of no secret;
 * `unknown_provider`, `encryption_key_missing`.
 */
export function withAccountLists<T extends Patch>(
  context: Context,
  organizationId: string,
  patch: T,
  before: SettingsRow | null,
): Keyed<T> {
  const accountKey = before?.accountKey ?? newAccountKey()
  const keyed = { ...patch, accountKey }
  return channels.reduce((whole, channel) => {
    const given = accountEntries({ channels: patch.channels ?? null }, channel)
    if (given.length === 0) return whole
    const known = new Map((before === null ? [] : accountEntries(before, channel)).map((one) => [one.id, one]))
    requireKnown(channel, given, [...known.keys()])
    const entries = given.map((entry): AccountEntry => {
      const { id, ...written } = entry
      return { ...known.get(id), ...definedOnly(written), id: id ?? newAccountId(accountKey) }
    })
    const merged = withValueAt(whole, listPlace(channel), entries)
    const list = entries.flatMap(({ id }, index) => (id == null ? [] : [{ id, isNew: given[index]?.id == null }]))
    return list.reduce((values, { id, isNew }) => {
      requireTransport(context, values, channel, id)
      return withSecrets(context, organizationId, values, channel, { id, isNew }, known.get(id))
    }, merged)
  }, keyed)
}

function requireKnown(channel: Channel, given: readonly AccountEntry[], known: readonly unknown[]): void {
  const ids = given.map(({ id }) => id ?? null)
  const issues = ids.flatMap((id, index): FieldIssue[] => {
    if (id === null) return []
    const field = `${listPlace(channel).join('.')}[${index}].id`
    const { name } = channelOf(channel).words
    if (!known.includes(id)) {
      const message = `is none of the organization's accounts for ${name} after the first one. Leave the id out to add an account`
      return [{ field, message }]
    }
    return ids.indexOf(id) === index ? [] : [{ field, message: 'is in the list twice' }]
  })
  if (issues.length > 0) throw inputInvalid('organization settings', issues)
}

function withSecrets<T extends Patch>(
  context: Context,
  organizationId: string,
  patch: T,
  channel: Channel,
  { id, isNew }: { readonly id: string; readonly isNew: boolean },
  before: AccountEntry | undefined,
): T {
  return accountPlaces(channel, id).reduce((values, { name, rules, place }) => {
    const secret = valueAt(values, place)
    if (rules.isSecret !== true || typeof secret !== 'string') return values
    const stored = before?.[name]
    if (secret === stored) return values
    if (secret !== secretMask)
      return withValueAt(values, place, sealedAt(context, organizationId, values, place, secret))
    if (isNew) {
      const message = 'is the mask of a stored secret; a new account needs the secret itself'
      throw inputInvalid('organization settings', [{ field: fieldOf(values, place), message }])
    }
    return withValueAt(values, place, stored ?? undefined)
  }, patch)
}
