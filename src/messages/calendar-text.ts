import { withoutMarks } from './direction.ts'
import type { MessageFacts } from './facts.ts'
import { wordsOf } from './words.ts'

/** What an event in a calendar says. Calendars are shared and shown on lock screens: never a reason for the visit. */
export type CalendarText = {
  readonly summary: string
  readonly description: string | null
  readonly location: string | null
  /** False: a message of this level may not say when the appointment is. */
  readonly saysWhen: boolean
}

/** Of what the level of a message allows. Marks of direction are left out: many calendars show them as boxes. */
export function calendarText(facts: MessageFacts): CalendarText {
  const { values, place, say } = wordsOf(facts)
  const location = String(values.location ?? '')
  const written = (text: string) => withoutMarks(text).trim() || null
  return {
    summary: withoutMarks(say('sms', { sentence: say('calendar.summary') })),
    // With a location, the place is a line that repeats it.
    description: location === '' ? written(place) : null,
    location: written(location),
    saysWhen: (facts.detail ?? 2) > 0,
  }
}
