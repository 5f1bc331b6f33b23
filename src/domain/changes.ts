import type { Change } from '../schemas/vocabulary.ts'
import type { Appointment } from './appointment.ts'

/** What a recipient was last notified of about an appointment. Undefined: unknown. */
export type Notified = {
  readonly instant: Date
  /** The wall clock of the appointment's zone. */
  readonly local: string
  readonly location?: string | null | undefined
  readonly practitionerName?: string | null | undefined
}

type Subject = Pick<Appointment, 'location' | 'practitionerName'> & { readonly start: Appointment['start'] | null }

/** What the recipient of a notice about the subject is notified of. Null: the subject has no start. */
export const notifiedOf = ({ start, location, practitionerName }: Subject): Notified | null =>
  start === null ? null : { instant: start.instant, local: start.local, location, practitionerName }

/** The appointment as its recipient was last notified of it. */
export function asNotified<S extends Subject>(subject: S, { instant, local, location, practitionerName }: Notified): S {
  const start = subject.start && { ...subject.start, instant, local }
  return {
    ...subject,
    start,
    ...(location === undefined ? {} : { location }),
    ...(practitionerName === undefined ? {} : { practitionerName }),
  }
}

/** What has changed since the recipient was last notified. Empty: nothing that a notice mentions. */
export function changesSince(before: Notified, { start, location, practitionerName }: Subject): Change[] {
  const isSameTime =
    start !== null && before.instant.getTime() === start.instant.getTime() && before.local === start.local
  return [
    ...(isSameTime ? [] : (['time'] as const)),
    ...(isSame(before.location, location) ? [] : (['place'] as const)),
    ...(isSame(before.practitionerName, practitionerName) ? [] : (['practitioner'] as const)),
  ]
}

const isSame = (before: string | null | undefined, now: string | null): boolean =>
  before === undefined || (before ?? '') === (now ?? '')
