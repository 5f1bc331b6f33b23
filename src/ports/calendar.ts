/**
 * Writes calendar files: `calendar()` of `appointment-notifications/calendar`, or another one, given as the option `calendar`. What an event says,
 * and whom it is sent to, is decided by the library.
 */
export interface CalendarWriter {
  /** Loads what it needs, at `start()` and before a page gives a file. Idempotent. @throws NotificationError `dependency_missing`. */
  load(): Promise<void>
  /** One event as iCalendar (RFC 5545). Called after `load`. */
  write(event: CalendarEvent): string
}

export type CalendarEvent = {
  /** `METHOD` (RFC 5546): an event to take in or to change; to drop; or, without an attendee, to take in by hand. */
  readonly method: 'REQUEST' | 'CANCEL' | 'PUBLISH'
  /** The same for as long as the appointment lives. */
  readonly uid: string
  /** Larger than in the file before. */
  readonly sequence: number
  /** `DTSTAMP`: when the file was written. */
  readonly writtenAt: Date
  readonly start: Date
  /** Null: not known. */
  readonly end: Date | null
  readonly summary: string
  readonly description: string | null
  readonly location: string | null
  /** `sentBy`: the address that the mail is from, where that is another one by now (`SENT-BY`). */
  readonly organizer: (CalendarParty & { readonly sentBy?: string }) | null
  /** Whom it is sent to; null for `PUBLISH`. */
  readonly attendee: CalendarParty | null
}

export type CalendarParty = { readonly address: string; readonly name: string | null }
