import type { Category, DeliveryState, DeliveryStatus } from '../schemas/vocabulary.ts'
import { isInDoubt } from './transitions.ts'

/** `organizer` null: the file took its event out of calendars. */
type Mark = { readonly sequence: number; readonly organizer: string | null }

export type CalendarStep = {
  readonly method: 'REQUEST' | 'CANCEL'
  readonly sequence: number
  readonly organizer: string
}

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

/** The event that a calendar may hold. */
export type CalendarHeld<S> = {
  /** The last message that may have put it in, or moved it. */
  readonly by: S
  readonly organizer: string
  /** False: a later message took it out. */
  readonly isThere: boolean
}

/**
 * What a calendar holds of an appointment, by the messages with files that went to it, newest first; null: no file that put an event in
 * may have arrived. `own`: the id of the message that is to be sent; an earlier attempt at it that took the event out is repeated.
 */
export function calendarHeld<S extends Sent>(files: readonly S[], own: number | null = null): CalendarHeld<S> | null {
  const arrived = files.filter((one) => mayHaveArrived(one) && (one.id !== own || one.calendar?.organizer !== null))
  for (const by of arrived) {
    const organizer = by.calendar?.organizer ?? null
    if (organizer !== null) return { by, organizer, isThere: by === arrived[0] }
  }
  return null
}

/** The largest number of these files; null: there are none. */
export function lastSequence(files: readonly Sent[]): number | null {
  const known = files.flatMap(({ calendar }) => calendar?.sequence ?? [])
  return known.length === 0 ? null : Math.max(...known)
}

type Stepping = {
  readonly held: CalendarHeld<unknown> | null
  /** `lastSequence` of the appointment. */
  readonly last: number | null
  /** Whom the message is from. */
  readonly sender: string
  /** An event may be put into a calendar that has none. */
  readonly mayBegin: boolean
  /** The message may say when the appointment is. */
  readonly saysWhen: boolean
  /** The event that is held says what is so. */
  readonly isRight: boolean
}

/**
 * The calendar file of a message; null: it has none. The sequence rises with each message that has a file, and is the same for each attempt
 * at one; the organizer is that of the first that may have arrived, since calendars take changes from nobody else. An event that was
 * never sent is not taken out. One that was, and that the message may not move since it may not say when the appointment is, is taken out
 * rather than left where it sends somebody at the wrong time.
 */
export function calendarStep(
  own: Sent,
  { held, last, sender, mayBegin, saysWhen, isRight }: Stepping,
): CalendarStep | null {
  const wanted = methods[own.category]
  const isThere = held?.isThere === true
  if (wanted === 'REQUEST' && saysWhen) return mayBegin || isThere ? step('REQUEST') : null
  if (wanted === 'REQUEST') return isThere && (own.category === 'RESCHEDULE' || !isRight) ? step('CANCEL') : null
  return wanted === undefined || held === null ? null : step(wanted)

  function step(method: CalendarStep['method']): CalendarStep {
    const { calendar } = own
    // Another file than that of an earlier attempt comes after it.
    const isSame = calendar !== null && (calendar.organizer === null) === (method === 'CANCEL')
    const sequence = isSame ? calendar.sequence : (last ?? -1) + 1
    return { method, sequence, organizer: held?.organizer ?? sender }
  }
}

/** `unknown`: it is held, since nobody knows. */
const mayHaveArrived = (message: Sent): boolean =>
  message.status === 'SENT' || message.status === 'DELIVERED' || message.state === 'unknown' || isInDoubt(message)
