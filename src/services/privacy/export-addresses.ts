/** What an export shows of the addresses of a person, and of what came from them. */
import { channels } from '../../channels/index.ts'
import { isSameRecipient } from '../../domain/appointment.ts'
import { addressKey } from '../../domain/effective.ts'
import { type AddressRef, type AddressRow, type DeliveryRow, sharedSender, type Written } from '../../ports/storage.ts'
import { channelPreferences } from '../../schemas/channel-settings.ts'
import type { RecipientRef } from '../../schemas/common.ts'
import type { ConsentRecord } from '../../schemas/consent.ts'
import type { Context } from '../shared/context.ts'

/** `organizationId` '': by the sender that several organizations share. */
export type ExportedAddress = Omit<AddressRow, 'id'>

/** So much of what was written and said is on a page at most, whatever the number of its addresses. */
const writtenAtOnce = 1000

export async function preferencesOf({ options: { storage } }: Context, { type, id }: RecipientRef) {
  const [stored = null] = type === 'PRACTITIONER' ? [] : await storage.preferences.get([{ type, id }])
  return stored
}

/** An address, by the message that it is known from; negative: by the preferences. */
type Reach = AddressRef & { readonly by: number }

export const reachOf = (rows: readonly DeliveryRow[]): Reach[] =>
  rows.flatMap(({ id: by, organizationId, channel, recipientAddress: address }) =>
    address === null ? [] : [{ organizationId, channel, address, by }],
  )

export async function reachOfPreferences(context: Context, recipient: RecipientRef): Promise<Reach[]> {
  const stored = await preferencesOf(context, recipient)
  if (stored === null) return []
  const { organizationId } = stored
  return channels.flatMap((channel, index) => {
    const { address } = channelPreferences(stored, channel)
    return address === null ? [] : [{ organizationId, channel, address: addressKey(channel, address), by: -1 - index }]
  })
}

/** By which address, of which of its sources, after which row. */
type Left = readonly [by: number, source: number, after: number]
type Said = {
  readonly written: readonly Written[]
  readonly consents: readonly ConsentRecord[]
  readonly left: Left | null
}

/** What is held of these addresses, and of what came from them, unless others have them too. `from`: where the page before ended. */
export async function heldOf(
  context: Context,
  recipient: RecipientRef,
  refs: readonly Reach[],
  from: Left | null,
): Promise<{ readonly addresses: readonly ExportedAddress[] } & Said> {
  if (refs.length === 0) return { addresses: [], written: [], consents: [], left: null }
  const { addresses, personal } = context.options.storage
  const known = new Map(refs.map((one) => [JSON.stringify([one.organizationId, one.channel, one.address]), one]))
  const shared = [...known.values()].map((one) => ({ ...one, organizationId: sharedSender }))
  const rows = await addresses.find([...known.values(), ...shared])
  const all = [...new Map(refs.toReversed().map((one) => [`${one.channel} ${one.address}`, one])).values()].toReversed()
  const ofOthers = await personal.sharedAddresses(all, recipient)
  const own = all.filter((_, index) => ofOthers[index] !== true)
  const fresh = await Promise.all(own.map((one) => isFirstOf(context, recipient, one, refs)))
  const said = await saidBy(
    context,
    own.filter((_, index) => fresh[index] === true),
    rows,
    from,
  )
  return { addresses: rows.map(({ id: _id, ...row }) => row), ...said }
}

/** Whether the page is the first with a message to the address: what came from there is on one page, or on those after it. */
async function isFirstOf(
  { options: { storage } }: Context,
  recipient: RecipientRef,
  { channel, address }: Reach,
  refs: readonly Reach[],
): Promise<boolean> {
  const [first] = await storage.personal.messagesTo({ channel, address, after: null, limit: 1 })
  return first === undefined || !isSameRecipient(first.recipient, recipient) || refs.some(({ by }) => by === first.id)
}

async function saidBy(
  { options: { storage } }: Context,
  own: readonly Reach[],
  rows: readonly AddressRow[],
  from: Left | null,
): Promise<Said> {
  const { personal } = storage
  const written: Written[] = []
  const consents: ConsentRecord[] = []
  const begin = from === null ? 0 : own.findIndex(({ by }) => by === from[0])
  // Of an address that was erased meanwhile nothing is left.
  const open = begin < 0 ? [] : own.slice(begin)
  for (const { by, channel, address } of open) {
    const ids = rows.filter((row) => row.channel === channel && row.address === address).map(({ id }) => id)
    const wrote = (table: 'inbound' | 'answers') => async (after: number, limit: number) => {
      const found = await personal.written({ channel, address, table, after, limit })
      written.push(...found.map(({ id: _id, ...row }) => row))
      return found
    }
    const spoke = (id: number) => async (after: number, limit: number) => {
      const found = await personal.consentsBy(id, after, limit)
      consents.push(...found)
      return found
    }
    const sources = [wrote('inbound'), wrote('answers'), ...ids.toSorted((one, other) => one - other).map(spoke)]
    for (const [source, read] of sources.entries()) {
      if (from !== null && by === from[0] && source < from[1]) continue
      const after = from !== null && by === from[0] && source === from[1] ? from[2] : 0
      const room = writtenAtOnce - written.length - consents.length
      const found = await read(after, room)
      const last = found.at(-1)
      if (last !== undefined && found.length === room) return { written, consents, left: [by, source, last.id] }
    }
  }
  return { written, consents, left: null }
}
