import type { Channel } from '../channels/index.ts'
import type { Person } from '../schemas/directory.ts'
import type { Rule } from '../schemas/rules.ts'
import { refOf } from './appointment.ts'
import type { EffectiveDecision } from './effective.ts'

/** Of the address: it is missing or invalid. */
export const ofContact: ReadonlySet<Rule> = new Set(['no_contact', 'invalid_contact'])
/** Of the person's will. */
export const ofWill: ReadonlySet<Rule> = new Set([
  'channel_disabled_by_recipient',
  'category_disabled_by_recipient',
  'no_consent',
  'suppressed',
  'consent_in_doubt',
])
const disabled: ReadonlySet<Rule> = new Set(['channel_disabled_by_recipient', 'category_disabled_by_recipient'])
const ofOrganization: ReadonlySet<Rule> = new Set([
  'channel_disabled_by_organization',
  'category_disabled_by_organization',
])

/** The decisions for the channels that the organization uses for it. */
export const waysOf = (decisions: readonly EffectiveDecision[]): readonly EffectiveDecision[] =>
  decisions.filter(({ reasons }) => !reasons.some((rule) => ofOrganization.has(rule)))

/**
 * Who is written to: the recipient, or who is first in `contactOrder` of those whom a message can reach, where the recipient has no usable
 * address at all. `decide`: what applies to somebody on a channel.
 */
export function readerOf(
  recipient: Person,
  channels: readonly Channel[],
  decide: (person: Person, channel: Channel) => EffectiveDecision,
): Person {
  const { contactOrder } = recipient
  if (!contactOrder || contactOrder.length === 0 || recipient.silent === true) return recipient
  const ways = (person: Person) => waysOf(channels.map((channel) => decide(person, channel)))
  const own = ways(recipient)
  const hasAddress = own.some(({ reasons }) => !reasons.some((rule) => ofContact.has(rule)))
  if (own.length === 0 || hasAddress) return recipient
  const isReached = ({ reasons }: EffectiveDecision) =>
    !reasons.some((rule) => rule === 'recipient_silent' || ofContact.has(rule) || ofWill.has(rule))
  return contactOrder.find((one) => ways(one).some(isReached)) ?? recipient
}

/** What applies to a reader in place of a recipient: what the recipient disabled is sent to nobody. */
export function inPlaceOf(own: EffectiveDecision, theirs: EffectiveDecision, reader: Person): EffectiveDecision {
  const reasons = [...new Set([...own.reasons.filter((rule) => disabled.has(rule)), ...theirs.reasons])]
  const rule = reasons[0] ?? 'allowed'
  return { ...theirs, contact: refOf(reader), reasons, rule, allowed: reasons.length === 0 }
}
