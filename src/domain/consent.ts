import { type Channel, channels as every } from '../channels/index.ts'
import { patched, preferencePlace, withValueAt } from '../schemas/channel-settings.ts'
import { categoryFlagOf, type PreferenceRef, type PreferencesValues } from '../schemas/preferences.ts'
import { type Category, categories as kinds } from '../schemas/vocabulary.ts'

type Person = { readonly organizationId: string; readonly recipient: PreferenceRef }

export const isSamePerson = (one: Person, other: Person): boolean =>
  one.organizationId === other.organizationId &&
  one.recipient.type === other.recipient.type &&
  String(one.recipient.id) === String(other.recipient.id)

/**
 * Preferences after somebody refused or gave these channels and kinds of messages; null: all of them. A kind on a channel is refused
 * by itself; whoever gives it gives neither the rest of the channel nor that kind elsewhere. Whoever gives a kind gives it on every
 * channel. `enabled`: in place of what giving makes of a channel.
 */
export function withConsent(
  before: PreferencesValues,
  act: 'refused' | 'given' | boolean | 'inherited',
  channels: readonly Channel[] | null,
  categories: readonly Category[] | null,
): PreferencesValues {
  const isOut = act === 'refused'
  const wish = isOut || act === false ? false : act === 'inherited' ? null : true
  if (channels !== null && categories !== null) return withPairs(before, isOut, channels, categories)
  if (categories !== null) {
    const flags = Object.fromEntries(categories.map((one) => [categoryFlagOf[one], wish]))
    return patched(isOut ? before : withPairs(before, false, every, categories), flags)
  }
  return (channels ?? every).reduce((values, one) => withValueAt(values, preferencePlace(one, 'enabled'), wish), before)
}

/** A kind that was refused on every channel is, once it is given on one, refused on each of the others. */
function withPairs(
  before: PreferencesValues,
  isOut: boolean,
  channels: readonly Channel[],
  categories: readonly Category[],
): PreferencesValues {
  const everywhere = isOut ? [] : categories.filter((category) => before[categoryFlagOf[category]] === false)
  const isListed = (channel: Channel, category: Category) =>
    before.optOuts?.some((one) => one.channel === channel && one.category === category) === true
  const isRefused = (channel: Channel, category: Category) =>
    channels.includes(channel) && categories.includes(category)
      ? isOut
      : isListed(channel, category) || everywhere.includes(category)
  const optOuts = every.flatMap((channel) =>
    kinds.filter((category) => isRefused(channel, category)).map((category) => ({ channel, category })),
  )
  const flags = Object.fromEntries(everywhere.map((category) => [categoryFlagOf[category], null]))
  return patched({ ...before, optOuts: optOuts.length === 0 ? null : optOuts }, flags)
}
