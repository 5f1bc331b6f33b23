import { NotificationError } from '../errors.ts'
import type { DeliveryRow, Storage } from '../ports/storage.ts'
import { rowId } from '../schemas/common.ts'
import { definedOnly } from '../schemas/defined.ts'
import { isInRange } from '../schemas/instant.ts'
import type { HistoryFilter } from '../schemas/requests.ts'
import { type HistoryPage, showNotification } from './views.ts'

const defaultLimit = 50

/** A page of deliveries. The cursor is the place of the last row, so rows that arrive meanwhile shift nothing. */
export async function readHistory(storage: Pick<Storage, 'deliveries'>, filter: HistoryFilter): Promise<HistoryPage> {
  const { state = 'settled', channel, startDate, endDate, cursor, limit = defaultLimit, offset = 0, ...rest } = filter
  if (cursor !== undefined && filter.offset !== undefined) {
    throw new NotificationError('invalid_input', 'cursor: cannot be used together with offset; name one of them.', {
      field: 'cursor',
    })
  }
  const { rows, total, totalIsExact } = await storage.deliveries.list({
    ...definedOnly(rest),
    // One row more than asked for tells whether there is a next page.
    limit: limit + 1,
    offset,
    ...(state === 'all' ? {} : { state }),
    ...(channel === undefined || channel === 'BOTH' ? {} : { channel }),
    ...(startDate === undefined ? {} : { from: startDate }),
    ...(endDate === undefined ? {} : { to: endDate }),
    ...(cursor === undefined ? {} : { after: readCursor(cursor) }),
  })
  const page = rows.slice(0, limit)
  const last = rows.length > limit ? page.at(-1) : undefined
  return {
    notifications: page.map(showNotification),
    total,
    totalIsExact,
    limit,
    offset,
    nextCursor: last === undefined ? null : writeCursor(last),
  }
}

const writeCursor = (row: DeliveryRow): string =>
  Buffer.from(`${row.createdAt.getTime()}.${row.id}`).toString('base64url')

function readCursor(cursor: string): { createdAt: Date; id: number } {
  const match = /^(\d{1,15})\.(\d{1,10})$/.exec(Buffer.from(cursor, 'base64url').toString())
  const createdAt = new Date(Number(match?.[1]))
  const id = Number(match?.[2])
  if (match === null || !isInRange(createdAt) || !rowId.safeParse(id).success) {
    throw new NotificationError('invalid_input', 'cursor: must be the nextCursor of the page before.', {
      field: 'cursor',
    })
  }
  return { createdAt, id }
}
