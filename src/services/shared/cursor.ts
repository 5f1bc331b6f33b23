import { NotificationError } from '../../errors.ts'
import { rowId } from '../../schemas/common.ts'
import { isInRange } from '../../schemas/instant.ts'

/** A place in a list ordered by time: the last row of a page, so that rows added or removed meanwhile do not shift pages. */
export type Place = {
  readonly at: Date
  /** The id of the row, or its number among those of the same instant, from 1. */
  readonly id: number
}

export const writeCursor = ({ at, id }: Place): string => Buffer.from(`${at.getTime()}.${id}`).toString('base64url')

/** @throws NotificationError `invalid_input` for text that is no cursor. */
export function readCursor(cursor: string): Place {
  const match = /^(-?\d{1,15})\.(\d{1,10})$/.exec(Buffer.from(cursor, 'base64url').toString())
  const at = new Date(Number(match?.[1]))
  const id = Number(match?.[2])
  if (match === null || !isInRange(at) || !rowId.safeParse(id).success) {
    throw new NotificationError('invalid_input', 'cursor must be the nextCursor of the previous page.', {
      field: 'cursor',
    })
  }
  return { at, id }
}
