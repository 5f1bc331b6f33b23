import { type Channel, channelOf } from '../channels/index.ts'
import type { Suppression } from '../schemas/address.ts'
import { templateFor } from '../schemas/approved-templates.ts'
import { type ChannelSettings, channelPreferences, channelSettings } from '../schemas/channel-settings.ts'
import type { RecipientRef } from '../schemas/common.ts'
import { levelBy } from '../schemas/detail.ts'
import type { Person } from '../schemas/directory.ts'
import type { ShownOf } from '../schemas/fields.ts'
import type { OffsetInput } from '../schemas/offset.ts'
import type { Country, ReadContact } from '../schemas/phone-number.ts'
import { categoryFlagOf, type PreferencesValues } from '../schemas/preferences.ts'
import type { Rule } from '../schemas/rules.ts'
import type { SettingsFields } from '../schemas/settings.ts'
import { type Category, type DetailLevel, suppressionTable, templateKeyOf } from '../schemas/vocabulary.ts'
import { isPersons } from './address.ts'

/** The organization's settings, with defaults filled in. */
export type OrganizationPolicy = ShownOf<SettingsFields>

export type EffectiveInput = {
  readonly policy: OrganizationPolicy
  readonly preferences: PreferencesValues | null
  readonly recipient: Person
  readonly category: Category
  readonly channel: Channel
  /** The organization's language (BCP 47). */
  readonly locale: string
  /** Of the appointment; null: none, or no reminders are asked for. */
  readonly kind?: string | null
  /** Why the organization has no usable provider for the channel; null: it has one. */
  readonly providerFault: Rule | null
  /** Why nothing is sent to the address; null: it may be. */
  readonly suppression: (channel: Channel, address: string) => Suppression | null
  /** Whether who has the address wrote so lately that free text may be sent there. Default: nobody did. */
  readonly isHeard?: ((channel: Channel, address: string) => boolean) | undefined
}

/** Whether a message would be sent to a recipient on a channel, and why not. */
export type EffectiveDecision = {
  readonly allowed: boolean
  /** `allowed`, or the first of `reasons`. */
  readonly rule: Rule
  /** Every rule against sending, strongest first. */
  readonly reasons: readonly Rule[]
  /**
   * Address it would go to, in the channel's normal form (e-mail with an ASCII domain, phone in E.164); null: none can be
   * used.
   */
  readonly address: string | null
  /** Who is written to in place of the recipient (`contactOrder`); null: nobody. */
  readonly contact: RecipientRef | null
  /** What is wrong or doubtful about the address, without the address itself; null: nothing. */
  readonly addressNote: string | null
  /** Why nothing is sent to the address; null: it may be. */
  readonly suppression: Suppression | null
  /** True: there is no approved template, but free text may be sent because the person wrote recently. Left out: false. */
  readonly isFreeText?: true
  /** The offsets in force for reminders on this channel. */
  readonly offsets: readonly OffsetInput[]
}

/**
 * Who gets what: the organization's settings, overridden by the recipient's preferences, limited by contact data,
 * opt-outs and provider configuration. A channel the organization disables is disabled for all its recipients.
 */
export function effective(input: EffectiveInput): EffectiveDecision {
  const { policy, preferences, recipient, category, channel } = input
  const settings = channelSettings(policy, channel)
  const own = channelPreferences(preferences, channel)
  const reasons: Rule[] = recipient.silent === true ? ['recipient_silent'] : []
  if (!settings.enabled) reasons.push('channel_disabled_by_organization')
  if (!settings.categories.includes(category)) reasons.push('category_disabled_by_organization')
  const contact = contactOf(channel, preferences, recipient, policy.defaultCountry)
  const suppression = contact.address === null ? null : input.suppression(channel, addressKey(channel, contact.address))
  const isRefused = suppression !== null && isPersons(suppression.cause)
  // An opt-out by the address switches the preference off too, and says why.
  if (isRefused) reasons.push('suppressed')
  if (own.enabled === false) reasons.push('channel_disabled_by_recipient')
  if (own.enabled === null && channelOf(channel).consent === 'own') reasons.push('no_consent')
  if (recipient.type === 'PRACTITIONER') {
    if (!policy.practitionerNotifications.includes(category)) reasons.push('not_switched_on_for_practitioners')
  } else if (preferences?.[categoryFlagOf[category]] === false) {
    reasons.push('category_disabled_by_recipient')
  } else if (preferences?.optOuts?.some((one) => one.channel === channel && one.category === category) === true) {
    reasons.push('category_disabled_by_recipient')
  }
  if (contact.fault !== null) reasons.push(contact.fault)
  if (suppression !== null && !isRefused)
    reasons.push(suppression.cause === 'doubt' ? 'consent_in_doubt' : 'suppressed')
  const isMissing = !hasTemplate(input, settings)
  const { address } = contact
  const isFree = isMissing && address !== null && input.isHeard?.(channel, addressKey(channel, address)) === true
  if (isMissing && !isFree) reasons.push('no_template')
  if (input.providerFault !== null) reasons.push(input.providerFault)
  return {
    allowed: reasons.length === 0,
    rule: reasons[0] ?? 'allowed',
    reasons,
    address: contact.address,
    contact: null,
    get addressNote() {
      return contact.note
    },
    suppression,
    ...(isFree && { isFreeText: true }),
    offsets: own.reminders ?? ofKind(policy.remindersByKind, input.kind ?? null, channel) ?? settings.reminders,
  }
}

/** What it would say: a channel of approved templates has no built-in texts. */
function hasTemplate(
  { channel, category, recipient, preferences, locale }: EffectiveInput,
  settings: ChannelSettings,
): boolean {
  if (channelOf(channel).content.kind === 'text') return true
  const templates = settings.approvedTemplates[templateKeyOf[category]] ?? []
  return templateFor(templates, [preferences?.textLanguage ?? recipient.locale, locale]) !== null
}

/** The offsets that the organization sets for appointments of this kind; those of the channel come before those of every channel. */
function ofKind(
  rules: OrganizationPolicy['remindersByKind'],
  kind: string | null,
  channel: Channel,
): readonly OffsetInput[] | null {
  if (kind === null) return null
  const own = rules.filter((rule) => rule.kind === kind)
  const found = own.find((rule) => rule.channel === channel) ?? own.find((rule) => rule.channel === undefined)
  return found?.reminders ?? null
}

/** The detail shown with the rule, if the rule is about the address. */
export function detailOf({ rule, addressNote, suppression }: EffectiveDecision): { readonly detail?: string } {
  if (rule === 'invalid_contact' && addressNote !== null) return { detail: addressNote }
  if ((rule !== 'suppressed' && rule !== 'consent_in_doubt') || suppression === null) return {}
  const { cause, code, since } = suppression
  return { detail: `${suppressionTable[cause]} (${code}, since ${since.toISOString()})` }
}

/** What two addresses of a channel are compared by, and how rows have them. */
export const addressKey = (channel: Channel, address: string): string => channelOf(channel).address.key(address)

export type Contact = {
  readonly address: string | null
  readonly fault: Rule | null
  /** What is wrong or doubtful about the address, without the address itself. */
  readonly note: string | null
}

/** A person's contact data hardly ever changes between two messages, and parsing an address costs more than remembering it. */
const checked = new Map<string, Contact>()

/** The address in force for a channel: the recipient's own override, else the host's; null where there is no usable one. */
export function contactOf(
  channel: Channel,
  preferences: PreferencesValues | null,
  recipient: Person,
  country: Country | null,
): Contact {
  const rules = channelOf(channel).address
  const given = channelPreferences(preferences, channel).address ?? rules.of(recipient)
  if (given === null || given === undefined || given.trim() === '') {
    return { address: null, fault: 'no_contact', note: null }
  }
  const key = `${channel} ${rules.byCountry ? country : ''} ${given}`
  let contact = checked.get(key)
  if (contact === undefined) {
    contact = contactFrom(rules.read(given, country))
    if (checked.size >= 10_000) checked.clear()
    // Anything longer is not an address and not worth the memory.
    if (key.length <= 1000) checked.set(key, contact)
  }
  return contact
}

function contactFrom(read: ReadContact): Contact {
  if (read.address === null) return { address: null, fault: 'invalid_contact', note: `it ${read.fault}` }
  return {
    address: read.address,
    fault: null,
    // Few ask for it, and to find out takes longer than to read the address.
    get note() {
      const note = read.warnings.map(({ message }) => `it ${message}`).join('; ')
      return note === '' ? null : note
    },
  }
}

/** How much a message to the recipient says: as they prefer, else as the organization sets, else as the channel usually does. */
export const detailFor = (
  { policy, preferences }: Pick<EffectiveInput, 'policy' | 'preferences'>,
  channel: Channel,
  category: Category,
): DetailLevel =>
  levelBy(preferences?.detailLevels ?? [], channel, category) ??
  levelBy(policy.detailLevels, channel, category) ??
  channelOf(channel).content.detail
