import type { HostId } from './common.ts'
import type { AppointmentStatus, RecipientType, VisitMode } from './vocabulary.ts'

export * from './directory-rows.ts'

/**
 * A person to notify, with default contact data. An invalid optional field is left out. If `type` or `id` cannot be read,
 * only this person's messages wait.
 */
export type DirectoryRecipient = {
  /** `PATIENT`, `CLIENT` or `PRACTITIONER`. */
  type: RecipientType
  /**
   * Id of the kind that the option `ids.recipient` names: an integer from 1 to 2^53 - 1 (also as a `bigint`), or text of up
   * to 255 characters.
   */
  id: HostId
  /**
   * Name for the greeting. Cut off after 255 characters; a blank parts what mail programs would make a link of. Default: no
   * greeting by name.
   */
  name?: string | null | undefined
  /** One e-mail address. Default: none; e-mail is sent only if the recipient's preferences have an address. */
  email?: string | null | undefined
  /**
   * One phone number, in any usual notation. A number without a country code belongs to the organization's `defaultCountry`.
   * Default: none; SMS is sent only if the recipient's preferences have a number.
   */
  phone?: string | null | undefined
  /**
   * Language of built-in texts and dates: a BCP 47 tag such as `de` or `pt-BR`; `pt_BR` is accepted too. Default, and if the
   * language is not in use: the organization's.
   */
  locale?: string | null | undefined
  /**
   * IANA zone of the person, such as `Europe/Berlin`. Messages give times in the appointment's zone, and name that zone if
   * clocks in the person's zone show another time.
   */
  timeZone?: string | null | undefined
  /** True: nothing is sent to the person on any channel, for example after a death or at the person's wish. Default false. */
  silent?: boolean | null | undefined
  /**
   * People to write to instead, such as the guardians of a child, if the person has no usable address on any channel of the
   * organization. The first of up to 10 who can be reached, by their own consent and preferences, gets the message. What the
   * person has disabled stays disabled. Default: nobody.
   */
  contactOrder?: readonly DirectoryContact[] | null | undefined
}

/** Somebody to write to in place of another person. */
export type DirectoryContact = Omit<DirectoryRecipient, 'contactOrder'>

/**
 * An appointment as it is now. If a required field is invalid, everything about the appointment waits, and `explain()`, the
 * error of the call, health and the event `directory.finding` say why. An invalid optional field is left out, and reported
 * in the same places.
 */
export type DirectoryAppointment = {
  /**
   * The id that was asked for, of the kind that the option `ids.appointment` names; a `bigint` up to 2^53 - 1 is read as a
   * number.
   */
  id: HostId
  /** Id of the organization it belongs to: text of up to 255 characters. */
  organizationId: string
  /**
   * The start: an instant (a `Date`, or ISO 8601 text with an offset, `"2026-03-29T14:00+02:00"`), or a local time in
   * `timeZone` (text without an offset, `"2026-03-29T14:00"`). If you store local times, return them as such: they stay
   * right when a government changes its clocks. A date without a time is invalid. From 1900-01-03 to 9999-12-29.
   */
  startsAt: Date | string
  /** IANA zone in which the appointment takes place, such as `America/New_York`. Messages give dates and times in this zone. */
  timeZone: string
  /**
   * When it was booked: a `Date`, or ISO 8601 text with an offset. Used by the attendance statistics, which compare
   * appointments booked equally long before. Default: when the library first planned it.
   */
  bookedAt?: Date | string | null | undefined
  /** Duration in minutes, more than 0. Default: messages do not mention it. */
  durationMinutes?: number | null | undefined
  /**
   * `scheduled` (default, also for null), `confirmed`, `cancelled`, `completed` or `no_show`. Reminders are sent for
   * `scheduled` and `confirmed` only. With any other value the appointment waits, since it is not known whether it takes
   * place.
   */
  status?: AppointmentStatus | null | undefined
  /** Name of the practitioner. Cut off after 255 characters. Default: the name of the first recipient of type `PRACTITIONER`. */
  practitionerName?: string | null | undefined
  /** Where it takes place. Cut off after 500 characters. Default: messages do not mention it. */
  location?: string | null | undefined
  /**
   * `in_person`, `phone` or `video`. For the last two, built-in texts say so in place of the location. Default: messages do
   * not mention it.
   */
  visitMode?: VisitMode | null | undefined
  /** Link to the video visit, up to 1000 characters. Default: none. */
  videoLink?: string | null | undefined
  /**
   * Values of your own variables (option `variables`), by name: `{ copay: { amount: 25, currency: 'USD' } }`. A variable
   * left out has no value; if a template uses it, that is reported.
   */
  variables?: Readonly<Record<string, unknown>> | null | undefined
  /**
   * Kind of appointment, in a word of yours: `surgery`. Settings may have reminders and texts for it. Cut off after 100
   * characters. Default: none.
   */
  kind?: string | null | undefined
  /** Everybody to be notified. Somebody who is left out is no longer reminded. */
  recipients: DirectoryRecipient[]
}

/** A page of `upcoming()`. */
export type DirectoryUpcomingPage = {
  /** Ids of appointments. Each is checked on its own. */
  readonly ids: readonly HostId[]
  /** Passed to the next call: 1 to 1024 characters; null: this is the last page. */
  readonly cursor: string | null
}

/** An organization, as messages name it. */
export type DirectoryOrganization = {
  /** The id that was asked for. */
  id: string
  /** Name of the sender in messages. Cut off after 255 characters. Default: messages name nobody. */
  name?: string | null | undefined
  /** Language of its templates, and of recipients without a language of their own: a BCP 47 tag. Default `en-US`. */
  locale?: string | null | undefined
  /** Phone number to call, in any usual notation; the reply to HELP and layouts of mails show it. Default: none. */
  phone?: string | null | undefined
}

/** A patient or client with the organization they belong to, for their preferences. */
export type DirectoryRecipientProfile = DirectoryRecipient & {
  /** Id of the organization the person belongs to: text of up to 255 characters. */
  organizationId: string
}

/** Somebody who waits for an earlier slot. */
export type DirectoryWaitlistEntry = {
  /** The id that was asked for, of the kind that the option `ids.waitlistEntry` names. */
  id: HostId
  /** Id of the organization it belongs to: text of up to 255 characters. */
  organizationId: string
  /** Everybody to be notified. */
  recipients: DirectoryRecipient[]
  /** IANA zone of the slot. */
  timeZone: string
  /**
   * Start of the free slot, if the notice is about one; as `DirectoryAppointment.startsAt`. Nothing is sent after it.
   * Default: the notice names no slot.
   */
  startsAt?: Date | string | null | undefined
  /** Nothing is sent after this instant: a `Date`, or ISO 8601 text with an offset. Default: the start of the slot. */
  expiresAt?: Date | string | null | undefined
  /** Duration of the slot in minutes, more than 0. */
  durationMinutes?: number | null | undefined
  /** Name of the practitioner of the slot. */
  practitionerName?: string | null | undefined
  /** Where the slot takes place. */
  location?: string | null | undefined
  /** As `DirectoryAppointment.visitMode`. */
  visitMode?: VisitMode | null | undefined
  /** As `DirectoryAppointment.videoLink`. */
  videoLink?: string | null | undefined
  /** As `DirectoryAppointment.variables`. */
  variables?: Readonly<Record<string, unknown>> | null | undefined
}
