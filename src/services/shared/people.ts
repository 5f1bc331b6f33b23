import type { Channel } from '../../channels/index.ts'
import { withContacts } from '../../domain/appointment.ts'
import { isSamePerson } from '../../domain/consent.ts'
import { addressKey, contactOf } from '../../domain/effective.ts'
import type { DeliveryRow, Party } from '../../ports/storage.ts'
import { refKey } from '../../schemas/common.ts'
import { loadNumberingPlans } from '../../schemas/phone-number.ts'
import type { Context } from './context.ts'
import { faultOf } from './fault-log.ts'
import { personOf, preferenceRefOf } from './knowledge.ts'
import { policyOf } from './settings-view.ts'

/** Of how many messages to an address the recipients are looked at, the latest first. */
const mostMessages = 50

/**
 * Whether an organization sends by an account of this one, or (null) by that of the host application: those that have a sender of their
 * own have nothing to do with one that others share.
 */
export async function sendersBy(
  { options: { storage }, providers }: Context,
  channel: Channel,
  owner: string | null,
  some: readonly { readonly organizationId: string }[],
): Promise<(one: { readonly organizationId: string }) => boolean> {
  if (owner !== null) return ({ organizationId }) => organizationId === owner
  const ids = [...new Set(some.map(({ organizationId }) => organizationId))]
  const rows = ids.length === 0 ? [] : await storage.settings.get(ids)
  const settingsOf = new Map(rows.map((row) => [row.organizationId, row]))
  return ({ organizationId }) => providers.isShared(settingsOf.get(organizationId) ?? null, channel)
}

/**
 * Who has an address: the patients and clients whom the organization (null: any that sends by the host application's account) wrote to there and who have it still, by their
 * preferences or the directory, and whom these name to be written to in their place. Where the directory cannot say, they count as having it
 * (silence harms less than a message), unless `isSure` asks for those alone of whom it can.
 */
export async function peopleAt(
  context: Context,
  { channel, address }: { readonly channel: Channel; readonly address: string },
  organizationId: string | null,
  isSure = false,
): Promise<Party[]> {
  const { rows } = await context.options.storage.deliveries.list({
    channel,
    recipientAddress: address,
    ...(organizationId === null ? {} : { organizationId }),
    limit: mostMessages,
    offset: 0,
  })
  const isConcerned = await sendersBy(context, channel, organizationId, rows)
  const parties = new Map<string, Party>()
  for (const party of rows.filter(isConcerned).flatMap((row) => personOf(row) ?? [])) {
    parties.set(`${party.organizationId} ${refKey(party.recipient)}`, party)
  }
  const found = await Promise.all(
    [...parties.values()].map(async (party) => {
      const contact = await contactIn(context, party, channel)
      const isTheirs = contact === address || (contact === 'unknown' && !isSure)
      return isTheirs ? party : await contactAt(context, party, channel, address)
    }),
  )
  const people = found.flatMap((party) => party ?? [])
  return [...new Map(people.map((party) => [`${party.organizationId} ${refKey(party.recipient)}`, party])).values()]
}

/**
 * Who has an address, of those whom an opt-out by it changed: whoever moved from it since then is not brought back by whoever has it
 * now. `unsure`: the directory cannot say.
 */
export async function takenStill(
  context: Context,
  at: { readonly channel: Channel; readonly address: string },
  taken: readonly Party[],
  found: readonly Party[],
): Promise<{ readonly theirs: readonly Party[]; readonly unsure: readonly Party[] }> {
  const contacts = await Promise.all(
    taken.map(async (one) =>
      found.some((other) => isSamePerson(one, other)) ? at.address : await contactIn(context, one, at.channel),
    ),
  )
  const withContact = (wanted: string) =>
    taken.flatMap(({ organizationId, recipient }, index) =>
      contacts[index] === wanted ? [{ organizationId, recipient }] : [],
    )
  return { theirs: withContact(at.address), unsure: withContact('unknown') }
}

/**
 * Whose word an opt-out from a message is: its recipient's, or, where that one names others to be written to, of these who has the address. Null:
 * nobody's who is known.
 */
export async function whoGot(
  context: Context,
  row: Pick<DeliveryRow, 'organizationId' | 'recipient' | 'channel' | 'recipientAddress'>,
): Promise<Party | null> {
  const party = personOf(row)
  if (party === null || row.recipientAddress === null) return party
  const contact = await contactAt(context, party, row.channel, row.recipientAddress)
  return contact === undefined ? party : contact
}

/** Of a person and those whom they name to be written to, who has the address; null: none of them; undefined: they name nobody. */
async function contactAt(
  { options: { storage }, host }: Context,
  { organizationId, recipient }: Party,
  channel: Channel,
  given: string,
): Promise<Party | null | undefined> {
  const profile = await host.recipient(recipient).catch(() => null)
  if (!profile?.contactOrder || profile.organizationId !== organizationId) return undefined
  const people = withContacts([profile]).flatMap((person) => {
    const ref = preferenceRefOf(person)
    return ref === null ? [] : [{ person, ref }]
  })
  const [rows, [settings]] = await Promise.all([
    storage.preferences.get(people.map(({ ref }) => ref)),
    storage.settings.get([organizationId]),
    loadNumberingPlans(),
  ])
  const { defaultCountry } = policyOf(settings ?? null)
  const found = people.find(({ person, ref }) => {
    const own = rows.find((one) => refKey(one.recipient) === refKey(ref) && one.organizationId === organizationId)
    const { address } = contactOf(channel, own ?? null, person, defaultCountry)
    return address !== null && addressKey(channel, address) === given
  })
  return found === undefined ? null : { organizationId, recipient: found.ref }
}

/**
 * The address of a person on a channel, in normal form: that in force, or that of the directory, which nobody can write over the API.
 * Null: none. `unknown`: the directory cannot say.
 */
export async function contactIn(
  { options: { storage, logger }, host }: Context,
  { organizationId, recipient }: Party,
  channel: Channel,
  whose: 'in force' | 'directory' = 'in force',
): Promise<string | null | 'unknown'> {
  try {
    const [profile, [own], [settings]] = await Promise.all([
      host.recipient(recipient),
      storage.preferences.get([recipient]),
      storage.settings.get([organizationId]),
      loadNumberingPlans(),
    ])
    if (profile === null || profile.organizationId !== organizationId) return null
    const isOwn = whose === 'in force' && own?.organizationId === organizationId
    const preferences = isOwn ? own : null
    const { address } = contactOf(channel, preferences, profile, policyOf(settings ?? null).defaultCountry)
    return address === null ? null : addressKey(channel, address)
  } catch (fault) {
    logger.warn('contact of a person not read', { organizationId, fault: faultOf(fault) })
    return 'unknown'
  }
}
