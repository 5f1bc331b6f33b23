import type { Channel } from '../../channels/index.ts'
import { addressKey, contactOf } from '../../domain/effective.ts'
import type { Party } from '../../ports/storage.ts'
import { refKey } from '../../schemas/common.ts'
import type { Context } from './context.ts'
import { faultOf } from './fault-log.ts'
import { personOf } from './knowledge.ts'
import { policyOf } from './settings-view.ts'

/** Of how many messages to an address the recipients are looked at, the latest first. */
const mostMessages = 50

/**
 * Who has an address: the patients and clients whom the organization (null: any) wrote to there and who have it still, by their
 * preferences or the directory. Where the directory cannot say, they count as having it: silence harms less than a message.
 */
export async function peopleAt(
  context: Context,
  { channel, address }: { readonly channel: Channel; readonly address: string },
  organizationId: string | null,
): Promise<Party[]> {
  const { rows } = await context.options.storage.deliveries.list({
    channel,
    recipientAddress: address,
    ...(organizationId === null ? {} : { organizationId }),
    limit: mostMessages,
    offset: 0,
  })
  const parties = new Map<string, Party>()
  for (const party of rows.flatMap((row) => personOf(row) ?? [])) {
    parties.set(`${party.organizationId} ${refKey(party.recipient)}`, party)
  }
  const found = await Promise.all(
    [...parties.values()].map(async (party) => ((await hasStill(context, party, channel, address)) ? [party] : [])),
  )
  return found.flat()
}

async function hasStill(context: Context, party: Party, channel: Channel, address: string): Promise<boolean> {
  const contact = await contactIn(context, party, channel)
  return contact === 'unknown' || contact === address
}

/** The address in force of a person on a channel, in normal form; null: none. `unknown`: the directory cannot say. */
export async function contactIn(
  { options: { storage, logger }, host }: Context,
  { organizationId, recipient }: Party,
  channel: Channel,
): Promise<string | null | 'unknown'> {
  try {
    const [profile, [own], [settings]] = await Promise.all([
      host.recipient(recipient),
      storage.preferences.get([recipient]),
      storage.settings.get([organizationId]),
    ])
    if (profile === null || profile.organizationId !== organizationId) return null
    const preferences = own?.organizationId === organizationId ? own : null
    const { address } = contactOf(channel, preferences, profile, policyOf(settings ?? null).defaultCountry)
    return address === null ? null : addressKey(channel, address)
  } catch (fault) {
    logger.warn('contact of a person not read', { organizationId, fault: faultOf(fault) })
    return 'unknown'
  }
}
