import { type Channel, channelOf } from '../channels/index.ts'
import { channelSettings, channelWishes } from '../schemas/channel-settings.ts'
import type { Person } from '../schemas/directory.ts'
import type { ShownOf } from '../schemas/fields.ts'
import type { OffsetInput } from '../schemas/offset.ts'
import type { Country, ReadContact } from '../schemas/phone-number.ts'
import { categoryFlagOf, type PreferencesValues } from '../schemas/preferences.ts'
import type { SettingsFields } from '../schemas/settings.ts'
import type { Category, Rule } from '../schemas/vocabulary.ts'

/** The organization's settings, with defaults filled in. */
export type OrganizationPolicy = ShownOf<SettingsFields>

export type EffectiveInput = {
  readonly policy: OrganizationPolicy
  readonly wishes: PreferencesValues | null
  readonly recipient: Person
  readonly category: Category
  readonly channel: Channel
  /** Why the organization has no usable provider for the channel; null: it has one. */
  readonly providerFault: Rule | null
  readonly isSuppressed: (channel: Channel, address: string) => boolean
}

export type Effective = {
  readonly allowed: boolean
  /** `allowed`, or the first of `reasons`. */
  readonly rule: Rule
  /** Every rule that stands against it, strongest first: what `explain()` and the debug endpoints show. */
  readonly reasons: readonly Rule[]
  /** Where it would go, in the channel's normal form: e-mail with its domain in ASCII, phone in E.164; null if there is no usable one. */
  readonly address: string | null
  /** Why the address cannot be used, or what is doubtful about it, without the address; null: nothing is. */
  readonly addressNote: string | null
  /** The offsets in force for reminders on this channel, as written. */
  readonly offsets: readonly OffsetInput[]
}

/**
 * Who gets what: the organization's settings, overridden by the recipient's preferences, limited by contact data,
 * opt-outs and provider configuration. A channel the organization disables is disabled for all its recipients.
 */
export function effective(input: EffectiveInput): Effective {
  const { policy, wishes, recipient, category, channel } = input
  const settings = channelSettings(policy, channel)
  const wish = channelWishes(wishes, channel)
  const reasons: Rule[] = []
  if (!settings.enabled) reasons.push('channel_disabled_by_organization')
  if (wish.enabled === false) reasons.push('channel_disabled_by_recipient')
  if (wish.enabled === null && channelOf(channel).consent === 'own') reasons.push('no_consent')
  if (recipient.type === 'PRACTITIONER') {
    if (!policy.practitionerNotifications.includes(category)) reasons.push('not_switched_on_for_practitioners')
  } else if (wishes?.[categoryFlagOf[category]] === false) {
    reasons.push('category_disabled_by_recipient')
  }
  const contact = contactOf(channel, wishes, recipient, policy.defaultCountry)
  if (contact.fault !== null) reasons.push(contact.fault)
  if (contact.address !== null && input.isSuppressed(channel, addressKey(channel, contact.address)))
    reasons.push('suppressed')
  if (input.providerFault !== null) reasons.push(input.providerFault)
  return {
    allowed: reasons.length === 0,
    rule: reasons[0] ?? 'allowed',
    reasons,
    address: contact.address,
    addressNote: contact.note,
    offsets: wish.reminders ?? settings.reminders,
  }
}

/** What is said beside the rule, where it is about the address. */
export const detailOf = ({ rule, addressNote }: Effective) =>
  rule === 'invalid_contact' && addressNote !== null ? { detail: addressNote } : {}

/** What two addresses of a channel are compared by. */
export const addressKey = (channel: Channel, address: string): string => channelOf(channel).address.key(address)

export type Contact = {
  readonly address: string | null
  readonly fault: Rule | null
  /** Why it cannot be used, or what is doubtful about it, without the contact. */
  readonly note: string | null
}

/** A person's contact data hardly ever changes between two messages, and parsing an address costs more than remembering it. */
const checked = new Map<string, Contact>()

/** The address in force for a channel: the recipient's own override, else the host's; null where there is no usable one. */
export function contactOf(
  channel: Channel,
  wishes: PreferencesValues | null,
  recipient: Person,
  country: Country | null,
): Contact {
  const rules = channelOf(channel).address
  const told = channelWishes(wishes, channel).address ?? rules.of(recipient)
  if (told === null || told === undefined || told.trim() === '') {
    return { address: null, fault: 'no_contact', note: null }
  }
  const key = `${channel} ${rules.byCountry ? country : ''} ${told}`
  let contact = checked.get(key)
  if (contact === undefined) {
    contact = contactFrom(rules.read(told, country))
    if (checked.size >= 10_000) checked.clear()
    // What is that long is no address, and is not worth its memory.
    if (key.length <= 1000) checked.set(key, contact)
  }
  return contact
}

function contactFrom(read: ReadContact): Contact {
  if (read.address === null) return { address: null, fault: 'invalid_contact', note: `it ${read.fault}` }
  const note = read.warnings.map(({ message }) => `it ${message}`).join('; ')
  return { address: read.address, fault: null, note: note === '' ? null : note }
}
