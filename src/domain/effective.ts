import { addressKey, readAddress, type Suppression } from '../schemas/address.ts'
import type { Person } from '../schemas/directory.ts'
import type { ShownOf } from '../schemas/fields.ts'
import type { OffsetInput } from '../schemas/offset.ts'
import type { Country, ReadContact } from '../schemas/phone-number.ts'
import { categoryFlagOf, channelFlagOf, type PreferencesValues } from '../schemas/preferences.ts'
import type { SettingsFields } from '../schemas/settings.ts'
import { type Category, type Channel, type Rule, suppressionTable } from '../schemas/vocabulary.ts'

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
  /** Why nothing is sent to the address; null: it may be. */
  readonly suppression: (channel: Channel, address: string) => Suppression | null
}

export type Effective = {
  readonly allowed: boolean
  /** `allowed`, or the first of `reasons`. */
  readonly rule: Rule
  /** Every rule that stands against it, strongest first: what `explain()` and the debug endpoints show. */
  readonly reasons: readonly Rule[]
  /** Where it would go: e-mail with its domain in ASCII, phone in E.164; null if there is no usable one. */
  readonly address: string | null
  /** Why the address cannot be used, or what is doubtful about it, without the address; null: nothing is. */
  readonly addressNote: string | null
  /** Why nothing is sent to the address; null: it may be. */
  readonly suppression: Suppression | null
  /** The offsets in force for reminders on this channel, as written. */
  readonly offsets: readonly OffsetInput[]
}

/**
 * Who gets what: the organization's settings, overridden by the recipient's preferences, limited by contact data,
 * opt-outs and provider configuration. A channel the organization disables is disabled for all its recipients.
 */
export function effective(input: EffectiveInput): Effective {
  const { policy, wishes, recipient, category, channel } = input
  const email = channel === 'EMAIL'
  const reasons: Rule[] = []
  if (!policy[channelFlagOf[channel]]) reasons.push('channel_disabled_by_organization')
  if (wishes?.[channelFlagOf[channel]] === false) reasons.push('channel_disabled_by_recipient')
  if (recipient.type === 'PRACTITIONER') {
    if (!policy.practitionerNotifications.includes(category)) reasons.push('not_switched_on_for_practitioners')
  } else if (wishes?.[categoryFlagOf[category]] === false) {
    reasons.push('category_disabled_by_recipient')
  }
  const contact = contactOf(channel, wishes, recipient, policy.defaultCountry)
  if (contact.fault !== null) reasons.push(contact.fault)
  const suppression = contact.address === null ? null : input.suppression(channel, addressKey(contact.address))
  if (suppression !== null) reasons.push('suppressed')
  if (input.providerFault !== null) reasons.push(input.providerFault)
  const own = email ? wishes?.emailReminders : wishes?.smsReminders
  return {
    allowed: reasons.length === 0,
    rule: reasons[0] ?? 'allowed',
    reasons,
    address: contact.address,
    addressNote: contact.note,
    suppression,
    offsets: own ?? (email ? policy.defaultEmailReminders : policy.defaultSmsReminders),
  }
}

/** What is said beside the rule, where it is about the address. */
export function detailOf({ rule, addressNote, suppression }: Effective): { readonly detail?: string } {
  if (rule === 'invalid_contact' && addressNote !== null) return { detail: addressNote }
  if (rule !== 'suppressed' || suppression === null) return {}
  const { cause, code, since } = suppression
  return { detail: `${suppressionTable[cause]} (${code}, since ${since.toISOString()})` }
}

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
  const told =
    channel === 'EMAIL' ? (wishes?.emailAddress ?? recipient.email) : (wishes?.phoneNumber ?? recipient.phone)
  if (told === null || told === undefined || told.trim() === '') {
    return { address: null, fault: 'no_contact', note: null }
  }
  const key = `${channel} ${channel === 'SMS' ? country : ''} ${told}`
  let contact = checked.get(key)
  if (contact === undefined) {
    contact = contactFrom(readAddress(channel, told, country))
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
