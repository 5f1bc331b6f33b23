import { channelOf, channels } from '../../channels/index.ts'
import { addressKey } from '../../domain/effective.ts'
import { NotificationError } from '../../errors.ts'
import type { IdKinds } from '../../ports/storage.ts'
import type { Store } from '../../records/store.ts'
import { type EntityId, fieldInvalid } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { loadNumberingPlans } from '../../schemas/phone-number.ts'
import type { HistoryFilter } from '../../schemas/requests.ts'
import { readCursor, writeCursor } from '../shared/cursor.ts'
import { readId } from '../shared/ids.ts'
import { type HistoryPage, showNotification } from '../shared/views.ts'

const defaultLimit = 50

/** A page of deliveries. The cursor is the place of the last row, so rows added meanwhile do not shift pages. */
export async function readHistory(storage: Pick<Store, 'deliveries'>, filter: HistoryFilter): Promise<HistoryPage> {
  const { state = 'settled', channel, startDate, endDate, cursor, limit = defaultLimit, offset = 0, ...rest } = filter
  const recipientAddress = await addressIn(rest.recipientAddress, channel)
  if (cursor !== undefined && filter.offset !== undefined) {
    throw new NotificationError('invalid_input', 'cursor cannot be combined with offset; use one of them.', {
      field: 'cursor',
    })
  }
  const { rows, total, totalIsExact } = await storage.deliveries.list({
    ...definedOnly({ ...rest, recipientAddress }),
    // One extra row shows whether there is a next page.
    limit: limit + 1,
    offset,
    ...(state === 'all' ? {} : { state }),
    ...(channel === undefined || channel === 'BOTH' ? {} : { channel }),
    ...(startDate === undefined ? {} : { from: startDate }),
    ...(endDate === undefined ? {} : { to: endDate }),
    ...(cursor === undefined ? {} : { after: placeOf(cursor) }),
  })
  const page = rows.slice(0, limit)
  const last = rows.length > limit ? page.at(-1) : undefined
  return {
    notifications: page.map(showNotification),
    total,
    totalIsExact,
    limit,
    offset,
    nextCursor: last === undefined ? null : writeCursor({ at: last.createdAt, id: last.id }),
  }
}

/** In normal form, of the channel or the first that can read it. @throws NotificationError `invalid_input` for what is none. */
async function addressIn(text: string | undefined, asked: HistoryFilter['channel']): Promise<string | undefined> {
  if (text === undefined) return undefined
  await loadNumberingPlans()
  const wanted = asked === undefined || asked === 'BOTH' ? channels : [asked]
  for (const channel of wanted) {
    const { address } = channelOf(channel).address.read(text, null)
    if (address !== null) return addressKey(channel, address)
  }
  const words = wanted.map((channel) => channelOf(channel).address.wanted).join(' or ')
  throw fieldInvalid('recipientAddress', `must be ${words}`)
}

/** Checks the kind of the ids: the wrong kind would find nothing. @throws NotificationError `invalid_input` naming the field. */
export function idsOf(kinds: IdKinds, { appointmentId, recipientId, waitlistEntryId }: HistoryFilter) {
  const read = (kind: keyof IdKinds, id: EntityId | undefined, field: string) =>
    id === undefined ? undefined : readId(kinds, kind, id, field)
  return {
    appointmentId: read('appointment', appointmentId, 'appointmentId'),
    recipientId: read('recipient', recipientId, 'recipientId'),
    waitlistEntryId: read('waitlistEntry', waitlistEntryId, 'waitlistEntryId'),
  }
}

function placeOf(cursor: string): { createdAt: Date; id: number } {
  const { at: createdAt, id } = readCursor(cursor)
  return { createdAt, id }
}
