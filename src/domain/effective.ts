import { emailAddress, phoneNumber } from '../schemas/common.ts'
import type { DirectoryRecipient } from '../schemas/directory.ts'
import type { OffsetInput } from '../schemas/offset.ts'
import { categoryFlagOf, type PreferencesValues } from '../schemas/preferences.ts'
import type { OrganizationSettings } from '../schemas/settings.ts'
import type { Category, Channel, Rule } from '../schemas/vocabulary.ts'

/** The organization's settings that decide about messages, with defaults filled in. */
export type OrganizationPolicy = Pick<
  OrganizationSettings,
  | 'emailEnabled'
  | 'smsEnabled'
  | 'defaultEmailReminders'
  | 'defaultSmsReminders'
  | 'emailTemplates'
  | 'smsTemplates'
  | 'unknownOutcome'
  | 'pastReminders'
  | 'practitionerNotifications'
>

export type EffectiveInput = {
  readonly policy: OrganizationPolicy
  readonly wishes: PreferencesValues | null
  readonly recipient: DirectoryRecipient
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
  /** Where it would go: e-mail as given, phone in E.164; null if there is no usable one. */
  readonly address: string | null
  /** The offsets in force for reminders on this channel, as written. */
  readonly offsets: readonly OffsetInput[]
}

/**
 * Who gets what: the organization's settings, overridden by the recipient's preferences, limited by contact data,
 * opt-outs and provider configuration. An organization that switches a channel off has switched it off for everybody.
 */
export function effective(input: EffectiveInput): Effective {
  const { policy, wishes, recipient, category, channel } = input
  const email = channel === 'EMAIL'
  const reasons: Rule[] = []
  if (!(email ? policy.emailEnabled : policy.smsEnabled)) reasons.push('channel_disabled_by_organization')
  if ((email ? wishes?.emailEnabled : wishes?.smsEnabled) === false) reasons.push('channel_disabled_by_recipient')
  if (recipient.type === 'PRACTITIONER') {
    if (!policy.practitionerNotifications.includes(category)) reasons.push('not_switched_on_for_practitioners')
  } else if (wishes?.[categoryFlagOf[category]] === false) {
    reasons.push('category_disabled_by_recipient')
  }
  const contact = contactOf(channel, wishes, recipient)
  if (contact.fault !== null) reasons.push(contact.fault)
  if (contact.address !== null && input.isSuppressed(channel, addressKey(contact.address))) reasons.push('suppressed')
  if (input.providerFault !== null) reasons.push(input.providerFault)
  const own = email ? wishes?.emailReminders : wishes?.smsReminders
  return {
    allowed: reasons.length === 0,
    rule: reasons[0] ?? 'allowed',
    reasons,
    address: contact.address,
    offsets: own ?? (email ? policy.defaultEmailReminders : policy.defaultSmsReminders),
  }
}

/** What two addresses are compared by: mailboxes differ in nothing but case in practice. */
export const addressKey = (address: string): string => address.toLowerCase()

type Contact = { readonly address: string | null; readonly fault: Rule | null }

/** A person's contact data hardly ever changes between two messages, and parsing an address costs more than remembering it. */
const checked = new Map<string, string | null>()

/** The address in force for a channel: the recipient's own override, else the host's; null where there is no usable one. */
export function contactOf(channel: Channel, wishes: PreferencesValues | null, recipient: DirectoryRecipient): Contact {
  const told =
    channel === 'EMAIL' ? (wishes?.emailAddress ?? recipient.email) : (wishes?.phoneNumber ?? recipient.phone)
  if (told === null || told === undefined || told.trim() === '') return { address: null, fault: 'no_contact' }
  const address = usable(channel, told)
  return { address, fault: address === null ? 'invalid_contact' : null }
}

function usable(channel: Channel, told: string): string | null {
  const key = channel + told
  let address = checked.get(key)
  if (address === undefined) {
    // Hosts store phone numbers as people write them: separators are noise, but a missing country code is a guess not to make.
    const result =
      channel === 'EMAIL' ? emailAddress.safeParse(told.trim()) : phoneNumber.safeParse(told.replace(/[\s().-]/g, ''))
    address = result.success ? result.data : null
    if (checked.size >= 10_000) checked.clear()
    checked.set(key, address)
  }
  return address
}
