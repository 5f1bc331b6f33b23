import type { Category, DeliveryState, DeliveryStatus } from '../schemas/vocabulary.ts'
import { isInDoubt } from './transitions.ts'

type Mark = { readonly sequence: number; readonly organizer: string }

export type CalendarStep = Mark & { readonly method: 'REQUEST' | 'CANCEL' }

/** A message, with what its calendar file said; null: it had none. */
type Sent = {
  readonly id: number
  readonly category: Category
  readonly status: DeliveryStatus | null
  readonly state: DeliveryState
  readonly unknownOutcomes: number
  readonly calendar: Mark | null
}

const methods: Readonly<Partial<Record<Category, CalendarStep['method']>>> = {
  CONFIRMATION: 'REQUEST',
  RESCHEDULE: 'REQUEST',
  CANCELLATION: 'CANCEL',
}

/** Whether messages of this kind change the calendar of their recipient. */
export const changesCalendar = (category: Category): boolean => methods[category] !== undefined

/**
 * The calendar file of a message; null: it has none. `earlier`: messages to the same address about the same appointment, newest first. The sequence
 * rises with each message that has a file, and is the same for each attempt at one; the organizer is that of the first that may
 * have arrived, since calendars take changes from nobody else. An event that was never sent is not cancelled, and none is begun
 * where `mayBegin` is false.
 */
export function calendarStep(
  own: Sent,
  earlier: readonly Sent[],
  sender: string,
  mayBegin = true,
): CalendarStep | null {
  const method = methods[own.category]
  if (method === undefined) return null
  const others = earlier.filter(({ id, calendar }) => id !== own.id && calendar !== null)
  const arrived = others.filter(mayHaveArrived)
  if (method === 'CANCEL' && !arrived.some(({ category }) => methods[category] === 'REQUEST')) return null
  const last = Math.max(-1, ...others.map(({ calendar }) => calendar?.sequence ?? -1))
  const kept = isInDoubt(own) ? own.calendar?.organizer : undefined
  const newest = arrived[0]
  const isThere = kept !== undefined || (newest !== undefined && methods[newest.category] === 'REQUEST')
  if (method === 'REQUEST' && !mayBegin && !isThere) return null
  return {
    method,
    sequence: own.calendar?.sequence ?? last + 1,
    organizer: newest?.calendar?.organizer ?? kept ?? sender,
  }
}

const mayHaveArrived = (message: Sent): boolean =>
  message.status === 'SENT' || message.status === 'DELIVERED' || isInDoubt(message)
