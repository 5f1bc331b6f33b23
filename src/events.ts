import type { Channel } from './channels/index.ts'
import type { FieldIssue } from './errors.ts'
import type { Directory } from './ports/directory.ts'
import type { ReplyAppointment } from './schemas/answer.ts'
import type { EntityId, RecipientRef } from './schemas/common.ts'
import type { Rule } from './schemas/rules.ts'
import type { AnswerVia, Category, ReplyAbout } from './schemas/vocabulary.ts'

/** What every event about a message contains: ids only, never a name, an address or a text. */
interface AboutMessage {
  readonly organizationId: string
  readonly appointmentId: EntityId | null
  readonly recipient: RecipientRef
  readonly channel: Channel
  readonly at: Date
}
/**
 * A text from a person, without the text itself. `organizationId` null: it came to a sender that several organizations
 * share.
 */
type Heard = {
  readonly organizationId: string | null
  readonly channel: Channel
  /** The provider's message id. */
  readonly messageId: string
  readonly at: Date
}
/** A person's consent or refusal by text. `recipients`: the people known to have the address it came from. */
export type ConsentEvent = Heard & { readonly recipients: readonly RecipientRef[] }

/** An event about a reminder. */
export interface ReminderEvent extends AboutMessage {
  readonly reminderId: number
  /** The offset in canonical form, such as `24h` or `1d@18:00`. */
  readonly offset: string
}

/** An event about a notification. */
export interface NotificationEvent extends AboutMessage {
  readonly notificationId: number
  readonly reminderId: number | null
  readonly waitlistEntryId: EntityId | null
  readonly category: Category
  /** `traceparent` of the span that sent it (`SendReceipt`); left out: none. */
  readonly traceContext?: string
}

type Accepted = {
  readonly providerMessageId: string | null
  /**
   * Time from when it was due or requested until the provider accepted it, in ms; null: acceptance was reported later, or
   * TaskManager sent it.
   */
  readonly lateMs: number | null
}

/** A person's answer about an appointment. */
export type AnswerEvent = {
  readonly organizationId: string
  readonly appointmentId: EntityId
  readonly recipient: RecipientRef
  readonly via: AnswerVia
  /** Channel of a text reply; null: the answer came by a link, or staff recorded it. */
  readonly channel: Channel | null
  readonly at: Date
}

/** A text from a person that needs a person to read it. */
export type ReplyEvent = {
  /** Null: it came to a sender that several organizations share, and nothing shows for which one it is. */
  readonly organizationId: string | null
  readonly about: ReplyAbout
  readonly channel: Channel
  /** Appointments that it may be about. */
  readonly appointments: readonly ReplyAppointment[]
  readonly at: Date
}

/** A row that the directory returned, and what is wrong with it. */
export type DirectoryFinding = {
  /** The directory method that returned it. */
  readonly method: keyof Directory
  /** Null: the row has no readable id. */
  readonly id: EntityId | null
  /** When it was first found. */
  readonly at: Date
  /** False: the row cannot be used, and messages about it wait. True: the rest of it is used. */
  readonly usable: boolean
  /** Which fields, and why. Without values, which may be personal data. */
  readonly issues: readonly FieldIssue[]
}

/**
 * Events by name. Each is emitted after the commit of the transaction behind it, in the process that made it; so use the
 * database, not events, for what must not be lost. If a listener throws or returns a promise that rejects, the error is
 * logged and nothing else happens.
 */
export type NotificationEvents = {
  /** A reminder was planned. `traceContext`: what the option of this name returned for it. */
  'reminder.scheduled': [event: ReminderEvent & { readonly reminderTime: Date; readonly traceContext?: string }]
  /** A provider accepted a reminder. */
  'reminder.sent': [event: ReminderEvent & { readonly notificationId: number }]
  /** A reminder failed for good. `code`: why. */
  'reminder.failed': [event: ReminderEvent & { readonly code: string }]
  /** A planned reminder was cancelled. `rule`: why. */
  'reminder.cancelled': [event: ReminderEvent & { readonly rule: Rule }]
  /** A reminder was not planned. `rule`: why. */
  'reminder.skipped': [event: AboutMessage & { readonly offset: string | null; readonly rule: Rule }]
  /** A provider accepted a message. */
  'notification.sent': [event: NotificationEvent & Accepted]
  /** The provider or TaskManager reported that a message arrived. */
  'notification.delivered': [event: NotificationEvent]
  /** The provider reported that a message was read; it may never have reported the delivery. */
  'notification.read': [event: NotificationEvent]
  /** The person marked a message as unwanted; nothing more is sent to the address. */
  'notification.complained': [event: NotificationEvent]
  /** The provider reports deliveries, but reported nothing about this message in the usual time. */
  'notification.unreported': [event: NotificationEvent]
  /** A message failed for good. `code`: why. */
  'notification.failed': [event: NotificationEvent & { readonly code: string }]
  /** A message may or may not have been sent. What follows is decided by the setting `unknownOutcome`. */
  'notification.unknown': [event: NotificationEvent & { readonly code: string }]
  /** A person confirmed an appointment. */
  'appointment.confirmed': [event: AnswerEvent]
  /** A person asked for another time. */
  'appointment.change_requested': [event: AnswerEvent]
  /** A person asked to cancel an appointment. Nothing was cancelled. */
  'appointment.cancel_requested': [event: AnswerEvent]
  /** A text came in that needs a person to read it; the text itself is in `answers.list()`, and given to the hook `onReply`. */
  'reply.received': [event: ReplyEvent]
  /** A person opted out by text. */
  'consent.refused': [event: ConsentEvent]
  /** A person opted in again by text. */
  'consent.given': [event: ConsentEvent]
  /** A text may be an opt-out: nothing is sent to its address on the channel until staff decide (`consent.doubts()`). */
  'consent.doubted': [event: ConsentEvent]
  /**
   * A person opted out with a word that may also be about an appointment, such as CANCEL. `appointmentIds`: the person's
   * upcoming appointments. Nothing was cancelled.
   */
  possible_cancel_request: [event: Heard & { readonly appointmentIds: readonly EntityId[] }]
  /** A text came in that is not about consent. */
  'inbound.received': [event: Heard]
  /**
   * Your directory returned a row that cannot be used, or only without some of its fields. Emitted once for each row and
   * fault, and again if the row was not read for an hour.
   */
  'directory.finding': [event: DirectoryFinding]
  /** A fault in the background that no call could report. `code`: why. */
  error: [event: { readonly code: string; readonly message: string; readonly organizationId: string | null }]
}
