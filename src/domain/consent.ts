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
 * by itself; whoever gives it gives neither the rest of the channel nor that kind elsewhere. `enabled`: in place of what giving makes of a channel.
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
    return patched(before, flags)
  }
  return (channels ?? every).reduce((values, one) => withValueAt(values, preferencePlace(one, 'enabled'), wish), before)
}

function withPairs(
  before: PreferencesValues,
  isOut: boolean,
  channels: readonly Channel[],
  categories: readonly Category[],
): PreferencesValues {
  const pairs = channels.flatMap((channel) => categories.map((category) => ({ channel, category })))
  const isNamed = (one: { readonly channel: Channel; readonly category: Category }) =>
    pairs.some(({ channel, category }) => channel === one.channel && category === one.category)
  const rest = (before.optOuts ?? []).filter((one) => !isNamed(one))
  const optOuts = isOut ? [...rest, ...pairs] : rest
  return { ...before, optOuts: optOuts.length === 0 ? null : sorted(optOuts) }
}

const sorted = (pairs: NonNullable<PreferencesValues['optOuts']>) =>
  pairs.toSorted(
    (one, other) =>
      every.indexOf(one.channel) - every.indexOf(other.channel) ||
      kinds.indexOf(one.category) - kinds.indexOf(other.category),
  )
