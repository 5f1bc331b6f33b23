/**
 * Writes calendar files, for the option `calendar`: `calendar()` of `appointment-notifications/calendar`, or one of your
 * own. What an event says, and who gets it, is decided by the library.
 */
export interface CalendarWriter {
  /**
   * Loads what it needs. Called at `start()` and before a page offers a file. Idempotent.
   * @throws NotificationError `dependency_missing`.
   */
  load(): Promise<void>
  /** One event as iCalendar (RFC 5545). Called after `load`. */
  write(event: CalendarEvent): string
}

/** An event for a calendar file. */
export type CalendarEvent = {
  /**
   * `METHOD` (RFC 5546). `REQUEST`: to add or change the event. `CANCEL`: to remove it. `PUBLISH`: without an attendee, to
   * add it by hand.
   */
  readonly method: 'REQUEST' | 'CANCEL' | 'PUBLISH'
  /** `UID`: stays the same as long as the appointment exists. */
  readonly uid: string
  /** `SEQUENCE`: larger than in the previous file. */
  readonly sequence: number
  /** `DTSTAMP`: when the file was written. */
  readonly writtenAt: Date
  readonly start: Date
  /** Null: unknown. */
  readonly end: Date | null
  readonly summary: string
  readonly description: string | null
  readonly location: string | null
  /** `sentBy`: the address the mail is from, if it is no longer the organizer's (`SENT-BY`). */
  readonly organizer: (CalendarParty & { readonly sentBy?: string }) | null
  /** The recipient; null for `PUBLISH`. */
  readonly attendee: CalendarParty | null
}

/** A person or organization in a calendar event. */
export type CalendarParty = { readonly address: string; readonly name: string | null }
