import type { AccountField, AccountFields, AccountValues } from '../channels/channel.ts'
import { type Channel, channelOf, channels } from '../channels/index.ts'
import type { MessageFormat, Templated } from '../messages/index.ts'
import type { ApprovedTemplateSet } from './approved-templates.ts'
import {
  type AccountEntry,
  channelKey,
  channelPartFields,
  channelTemplateFields,
  channelWishFields,
  documentedChannels,
  furtherChannels,
  limitFields,
  usualReminders,
} from './channel-fields.ts'
import type { Field, Fields } from './fields.ts'
import type { OffsetInput } from './offset.ts'
import type { PreferencesValues } from './preferences.ts'
import { type SettingsValues, settingsFields } from './settings.ts'
import type { TemplateSet } from './templates.ts'
import { categories as allCategories, type Category } from './vocabulary.ts'

/** What an organization's settings say of a channel, with defaults filled in. */
export type ChannelSettings = {
  readonly enabled: boolean
  readonly reminders: readonly OffsetInput[]
  /** What is sent on it. */
  readonly categories: readonly Category[]
  /** Empty where its messages are approved templates. */
  readonly templates: TemplateSet
  /** Empty where its messages are texts. */
  readonly approvedTemplates: ApprovedTemplateSet
}

export function channelSettings(values: SettingsValues, channel: Channel): ChannelSettings {
  const { columns } = channelOf(channel)
  if (columns === null) {
    const { enabled, reminders, categories, templates, approvedTemplates } =
      values.channels?.[channelKey(channel)] ?? {}
    return {
      enabled: enabled ?? false,
      reminders: reminders ?? usualReminders,
      categories: categories ?? allCategories,
      templates: templates ?? {},
      approvedTemplates: approvedTemplates ?? {},
    }
  }
  const { enabled, reminders, templates } = columns.settings
  return {
    enabled: values[enabled] ?? settingsFields[enabled].default,
    reminders: values[reminders] ?? settingsFields[reminders].default,
    categories: allCategories,
    templates: values[templates] ?? settingsFields[templates].default,
    approvedTemplates: {},
  }
}

/** The channels that an organization plans and sends on, disabled ones too: the documented ones, and those that its settings have. */
export function channelsInUse({ channels: parts }: Pick<SettingsValues, 'channels'>): readonly Channel[] {
  const further = furtherChannels.filter((one) => (parts?.[channelKey(one)] ?? null) !== null)
  return further.length === 0 ? documentedChannels : [...documentedChannels, ...further]
}

/** What a recipient's preferences say of a channel; null: nothing. */
export type ChannelPreferences = {
  readonly enabled: boolean | null
  readonly reminders: readonly OffsetInput[] | null
  readonly address: string | null
}

const noChannelPreferences: ChannelPreferences = { enabled: null, reminders: null, address: null }

export function channelPreferences(values: PreferencesValues | null, channel: Channel): ChannelPreferences {
  if (values === null) return noChannelPreferences
  const { columns } = channelOf(channel)
  if (columns === null) {
    const { enabled = null, reminders = null, address = null } = values.channels?.[channelKey(channel)] ?? {}
    return { enabled, reminders, address }
  }
  const { enabled, reminders, address } = columns.preferences
  return { enabled: values[enabled], reminders: values[reminders], address: values[address] }
}

/**
 * Where a value of a channel is, in settings or preferences: a documented field, or a path of `channels`. An entry of a list is
 * named by its id, so that its place stays the same in another order.
 */
export type Place = readonly [string, ...string[]]

/** As errors, warnings and the audit log name it: `emailPassword`, `channels.pager.account.token`. */
export const nameOf = (place: Place): string => place.join('.')

export function settingPlace(channel: Channel, part: keyof ChannelSettings): Place {
  const { columns } = channelOf(channel)
  const documented =
    columns === null ? undefined : Object.entries(columns.settings).find(([name]) => name === part)?.[1]
  return documented === undefined ? ['channels', channelKey(channel), part] : [documented]
}

/** Where an organization has what is sent on the channel: its templates, or those that the provider approved. */
export const templatesPlace = (channel: Channel): Place =>
  settingPlace(channel, channelOf(channel).content.kind === 'text' ? 'templates' : 'approvedTemplates')

/** Whether a change of settings is about what is sent on a channel: its templates, or what they are made of. */
export const isWritten = (patch: Partial<SettingsValues>, channel: Channel): boolean =>
  valueAt(patch, templatesPlace(channel)) !== undefined ||
  (patch.templatePartials !== undefined && channelOf(channel).content.kind === 'text')

export function preferencePlace(channel: Channel, part: keyof ChannelPreferences): Place {
  const { columns } = channelOf(channel)
  return columns === null ? ['channels', channelKey(channel), part] : [columns.preferences[part]]
}

/** A field of one of a channel's accounts, and where settings have it. */
export type AccountPlace = { readonly name: string; readonly rules: AccountField; readonly place: Place }

const placesOf = new Map<Channel, readonly AccountPlace[]>()

/** `entry`: the id of an account after the first one; null: the first. */
export function accountPlaces(channel: Channel, entry: string | null = null): readonly AccountPlace[] {
  if (entry !== null) return placesIn(channel, () => ['channels', channelKey(channel), 'accounts', entry])
  let places = placesOf.get(channel)
  if (places === undefined) {
    places = placesIn(channel, ({ column }) =>
      column === undefined ? ['channels', channelKey(channel), 'account'] : column,
    )
    placesOf.set(channel, places)
  }
  return places
}

function placesIn(channel: Channel, where: (rules: AccountField) => Place | string): readonly AccountPlace[] {
  const definition = channelOf(channel)
  const fields: AccountFields = { ...definition.account.fields, ...limitFields(definition) }
  return Object.entries(fields).map(([name, rules]) => {
    const place = where(rules)
    return { name, rules, place: typeof place === 'string' ? [place] : [...place, name] }
  })
}

/** The accounts of a channel after the first one, in the order of use. */
export const accountEntries = (
  { channels: parts }: Pick<SettingsValues, 'channels'>,
  channel: Channel,
): readonly AccountEntry[] => parts?.[channelKey(channel)]?.accounts ?? []

/** All accounts of a channel, by their entries: null is the first. */
export const accountsOf = (values: Pick<SettingsValues, 'channels'>, channel: Channel): readonly (string | null)[] => [
  null,
  ...accountEntries(values, channel).flatMap(({ id }) => id ?? []),
]

/** A field that is somewhere in `channels`. */
type Placed = { readonly place: Place; readonly field: Field }

const placedIn = (channel: Channel, fields: Fields): Placed[] =>
  Object.entries(fields).map(([name, field]) => ({ place: ['channels', channelKey(channel), name], field }))

/** What `channels` of settings and of preferences hold, but the lists of accounts. */
export const furtherFields = {
  settings: channels.flatMap((one) => [
    ...(furtherChannels.includes(one) ? placedIn(one, channelPartFields(channelOf(one))) : []),
    ...(furtherChannels.includes(one) ? placedIn(one, channelTemplateFields(channelOf(one))) : []),
    ...accountPlaces(one).flatMap(({ place, rules }): Placed[] =>
      place.length === 1 ? [] : [{ place, field: rules }],
    ),
  ]),
  preferences: furtherChannels.flatMap((one) => placedIn(one, channelWishFields(channelOf(one)))),
}

/** The values of an account's fields, as settings have them: secrets are sealed. */
export const accountValues = (values: SettingsValues, channel: Channel, entry: string | null = null): AccountValues =>
  Object.fromEntries(accountPlaces(channel, entry).map(({ name, place }) => [name, valueAt(values, place) ?? null]))

/** What a request calls the value: `nameOf`, with an entry of a list by its number, as a new one has no id that the caller knows. */
export function fieldOf(values: object, place: Place): string {
  const [root, key, part, entry, ...rest] = place
  if (root !== 'channels' || key === undefined || part !== 'accounts' || entry === undefined) return nameOf(place)
  const list = valueAt(values, [root, key, part])
  const index = Array.isArray(list) ? list.findIndex((one) => isEntry(one, entry)) : -1
  if (index < 0) return nameOf(place)
  return [`${root}.${key}.${part}[${index}]`, ...rest].join('.')
}

const isEntry = (one: unknown, id: string): one is object =>
  typeof one === 'object' && one !== null && 'id' in one && one.id === id

/** What is there. Undefined: nothing is said of it; null also where a part that it belongs to is null. */
export function valueAt(values: object, place: Place): unknown {
  let value: unknown = values
  for (const name of place) {
    if (value === undefined || value === null) return value
    if (Array.isArray(value)) value = value.find((one) => isEntry(one, name))
    else value = typeof value === 'object' && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
  }
  return value
}

/** The same with another value there; undefined removes what is said of it. */
export function withValueAt<T extends object>(values: T, [name, ...rest]: Place, value: unknown): T {
  const [next, ...others] = rest
  if (next === undefined) {
    const changed = { ...values, [name]: value }
    if (value === undefined) Reflect.deleteProperty(changed, name)
    return changed
  }
  const inner = valueAt(values, [name])
  if (Array.isArray(inner)) {
    const [field, ...deeper] = others
    const changed = (one: object) => (field === undefined ? value : withValueAt(one, [field, ...deeper], value))
    return { ...values, [name]: inner.map((one: unknown) => (isEntry(one, next) ? changed(one) : one)) }
  }
  const part = typeof inner === 'object' && inner !== null ? inner : {}
  return { ...values, [name]: withValueAt(part, [next, ...others], value) }
}

type Parts = Readonly<Record<string, object | null | undefined>>

/** Settings or preferences after a patch. What it leaves out stays; in `channels`, what a part of it leaves out stays too. */
export function patched<T extends { readonly channels: Parts | null }>(before: T, patch: Partial<NoInfer<T>>): T {
  const written = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
  if (patch.channels === undefined || patch.channels === null) return { ...before, ...written }
  const merged = merge({ ...before.channels }, patch.channels)
  return { ...before, ...written, channels: Object.keys(merged).length === 0 ? null : merged }
}

/** Templates are one value: a channel's are replaced as a whole, as the documented ones are. */
const isWhole = (name: string): boolean => name === 'templates' || name === 'approvedTemplates'
const isMerged = (name: string, value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isWhole(name)

function merge<T extends object>(before: T, patch: object): T {
  let merged = before
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined) continue
    const inner = valueAt(merged, [name])
    const isPart = isMerged(name, value)
    const next = isPart ? merge(isMerged(name, inner) ? inner : {}, value) : (value ?? undefined)
    merged = withValueAt(merged, [name], next)
  }
  return merged
}

const templateFields = new Map(channels.map((channel) => [channel, nameOf(templatesPlace(channel))]))

/** The channel as its templates are checked and rendered. `content`: its own. */
export const templated = <Format extends MessageFormat>(channel: Channel, content: Format): Templated<Format> => ({
  words: channelOf(channel).words,
  content,
  field: templateFields.get(channel) ?? '',
})
