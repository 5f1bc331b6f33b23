import type { HostId } from './common.ts'
import type { AppointmentStatus, RecipientType, VisitMode } from './vocabulary.ts'

export * from './directory-rows.ts'

/**
 * A person to notify, with default contact data. A field that cannot be used is left out, the rest is used; without a `type` and
 * an `id` that can be read, the messages of that person alone wait.
 */
export type DirectoryRecipient = {
  /** `PATIENT`, `CLIENT` or `PRACTITIONER`. */
  type: RecipientType
  /** Of the kind that the option `ids.recipient` says: an integer from 1 to 2^53 - 1, also as a `bigint`, or text of up to 255 characters. */
  id: HostId
  /**
   * As messages greet the person. Longer than 255 characters it is cut off, and what mail programs would make a link of is parted. Default:
   * messages greet nobody by name.
   */
  name?: string | null | undefined
  /** One e-mail address. Default: none, so that nothing is sent by e-mail; the recipient's preferences may name another. */
  email?: string | null | undefined
  /**
   * One phone number, as people write it. A number without a country code is read by the organization's `defaultCountry`.
   * Default: none, so that nothing is sent by SMS; the recipient's preferences may name another.
   */
  phone?: string | null | undefined
  /**
   * Language of built-in texts and their dates, a BCP 47 tag such as `de` or `pt-BR`; `pt_BR` is read too. Default, and where the language is not
   * in use: the organization's.
   */
  locale?: string | null | undefined
  /**
   * IANA zone of the person, such as `Europe/Berlin`. Times are of the appointment's zone; they name it where clocks in this one
   * show another time.
   */
  timeZone?: string | null | undefined
  /** True: nothing at all is sent to the person, by whichever channel, as after a death or by a wish. Default false. */
  silent?: boolean | null | undefined
  /**
   * Who is written to in place of a person who has no usable address on any channel of the organization, such as the guardians of a child:
   * the first of up to 10 whom a message can reach, by consent and preferences of their own. Whatever the person disabled stays
   * disabled. Default: nobody.
   */
  contactOrder?: readonly DirectoryContact[] | null | undefined
}

/** Somebody who is written to in place of another person. */
export type DirectoryContact = Omit<DirectoryRecipient, 'contactOrder'>

/**
 * An appointment as it is now. Where a required field cannot be read, everything about the appointment waits, and the reason is in
 * `explain`, in the error, in health and in the event `directory.finding`; an optional field that cannot be used is left out,
 * and reported in the same places.
 */
export type DirectoryAppointment = {
  /** The id that was asked for, of the kind that the option `ids.appointment` says; a `bigint` of up to 2^53 - 1 is read as a number. */
  id: HostId
  /** Whose it is: text of up to 255 characters. */
  organizationId: string
  /**
   * An instant (`Date`, or ISO 8601 text with an offset, `"2026-03-29T14:00+02:00"`), or a wall-clock time of the appointment's
   * zone (`"2026-03-29T14:00"`, no offset). A host that stores local times should hand them over as such: they stay right when a
   * government changes the clocks. A date alone is refused. From 1900-01-03 to 9999-12-29.
   */
  startsAt: Date | string
  /** IANA zone in which the appointment takes place, such as `America/New_York`; dates and times in messages are of this zone. */
  timeZone: string
  /**
   * When it was booked: a `Date`, or ISO 8601 text with an offset. Statistics of attendance compare appointments that were booked
   * equally long before. Default: when the library first planned it.
   */
  bookedAt?: Date | string | null | undefined
  /** How long it takes, in minutes, more than 0. Default: messages do not say it. */
  durationMinutes?: number | null | undefined
  /**
   * `scheduled` (default, also for null), `confirmed`, `cancelled`, `completed` or `no_show`. Reminders are sent for `scheduled` and
   * `confirmed` only. Any other word makes the appointment wait: nobody knows whether it takes place.
   */
  status?: AppointmentStatus | null | undefined
  /** Default: the name of the first recipient who is a `PRACTITIONER`. Longer than 255 characters it is cut off. */
  practitionerName?: string | null | undefined
  /** Where it takes place, as messages say it. Longer than 500 characters it is cut off. Default: messages do not say it. */
  location?: string | null | undefined
  /**
   * `in_person`, `phone` or `video`: built-in texts of the last two say so in place of the location, so that nobody comes for nothing. Default:
   * messages do not say it.
   */
  visitMode?: VisitMode | null | undefined
  /** Where a video visit takes place: a link of up to 1000 characters. Default: messages have none. */
  videoLink?: string | null | undefined
  /** Values of the option `variables`, by name: `{ copay: { amount: 25, currency: 'USD' } }`. One that is left out is not known, and is reported where a template names it. */
  variables?: Readonly<Record<string, unknown>> | null | undefined
  /** What kind of appointment it is, in a word of yours: `surgery`. Settings may have reminders for it. Longer than 100 characters it is cut off. Default: none. */
  kind?: string | null | undefined
  /** Everybody to be notified, in any number. Somebody left out is no longer reminded. */
  recipients: DirectoryRecipient[]
}

/** One page of `upcoming`. */
export type DirectoryUpcomingPage = {
  /** Ids of appointments; each is checked on its own. */
  readonly ids: readonly HostId[]
  /** Given to the next call, 1 to 1024 characters; null: this is the last page. */
  readonly cursor: string | null
}

export type DirectoryOrganization = {
  /** The id that was asked for. */
  id: string
  /** As messages name the sender. Longer than 255 characters it is cut off. Default: messages name nobody. */
  name?: string | null | undefined
  /** Language of its templates, and of recipients without one of their own: a BCP 47 tag. Default `en-US`. */
  locale?: string | null | undefined
  /** The number to call, as people write it: the answer to HELP names it. Default: it names none. */
  phone?: string | null | undefined
}

/** A patient or client, for their preferences. */
export type DirectoryRecipientProfile = DirectoryRecipient & {
  /** Whose patient or client it is: text of up to 255 characters. */
  organizationId: string
}

/** Somebody who waits for an earlier slot. */
export type DirectoryWaitlistEntry = {
  /** The id that was asked for, of the kind that the option `ids.waitlistEntry` says. */
  id: HostId
  /** Whose it is: text of up to 255 characters. */
  organizationId: string
  /** Everybody to be notified. */
  recipients: DirectoryRecipient[]
  /** IANA zone of the slot. */
  timeZone: string
  /** The slot that became free, if the notice is about one, as `DirectoryAppointment.startsAt`. Nothing is sent after it. */
  startsAt?: Date | string | null | undefined
  /** Nothing is sent after this instant: a `Date`, or ISO 8601 text with an offset. Default: until the slot starts. */
  expiresAt?: Date | string | null | undefined
  /** How long the slot is, in minutes, more than 0. */
  durationMinutes?: number | null | undefined
  /** Who the slot is with. */
  practitionerName?: string | null | undefined
  /** Where the slot is. */
  location?: string | null | undefined
  /** As of an appointment. */
  visitMode?: VisitMode | null | undefined
  /** As of an appointment. */
  videoLink?: string | null | undefined
  /** As of an appointment. */
  variables?: Readonly<Record<string, unknown>> | null | undefined
}
