import { offsetAt, type Start, toWallTime } from '../../domain/local-time.ts'
import type { MessageFacts } from '../../messages/index.ts'

type Clock = Pick<Start, 'instant' | 'timeZone'>
type Reader = { readonly timeZone?: string | null | undefined }

/** A start as a message to its readers names it: whether its zone is named, and whether "tomorrow" is another day where one of them is. */
export const startAsRead = (
  start: Clock,
  readers: readonly Reader[],
  { alwaysNameTimeZone }: { readonly alwaysNameTimeZone: boolean },
  now: Date,
): NonNullable<MessageFacts['start']> => ({
  instant: start.instant,
  timeZone: start.timeZone,
  namesZone: alwaysNameTimeZone || readers.some((one) => isElsewhere(one, start)),
  isReadOnOtherDay: readers.some((one) => isOnOtherDay(one, start, now)),
})

/** Do clocks where the person is show another time at the start? */
const isElsewhere = ({ timeZone }: Reader, start: Clock): boolean =>
  typeof timeZone === 'string' && offsetAt(timeZone, start.instant) !== offsetAt(start.timeZone, start.instant)

/** Does the calendar where the person is show another day than that of the appointment's zone? */
const isOnOtherDay = (person: Reader, start: Clock, now: Date): boolean =>
  isElsewhere(person, start) &&
  toWallTime(now, person.timeZone ?? start.timeZone).slice(0, 10) !== toWallTime(now, start.timeZone).slice(0, 10)
