import type { Channel } from './channels/index.ts'
import type { FieldIssue } from './errors.ts'
import type { Directory } from './ports/directory.ts'
import type { ReplyAppointment } from './schemas/answer.ts'
import type { EntityId, RecipientRef } from './schemas/common.ts'
import type { Rule } from './schemas/rules.ts'
import type { AnswerVia, Category, ReplyAbout } from './schemas/vocabulary.ts'

/** What every event about a message holds: ids only, never a name, an address or a text. */
type About = {
  readonly organizationId: string
  readonly appointmentId: EntityId | null
  readonly recipient: RecipientRef
  readonly channel: Channel
  readonly at: Date
}
/** What a person wrote, without the text. `organizationId` null: to a sender of yours by which several organizations may send. */
type Heard = {
  readonly organizationId: string | null
  readonly channel: Channel
  /** The provider's id of the message. */
  readonly messageId: string
  readonly at: Date
}
/** `recipients`: who is known to have the address that it came from. */
export type ConsentEvent = Heard & { readonly recipients: readonly RecipientRef[] }

export type ReminderEvent = About & { readonly reminderId: number; readonly offset: string }
export type NotificationEvent = About & {
  readonly notificationId: number
  readonly reminderId: number | null
  readonly waitlistEntryId: EntityId | null
  readonly category: Category
  /** `traceparent` of the span that sent it (`SendReceipt`); left out: none is known. */
  readonly traceContext?: string
}

type Accepted = {
  readonly providerMessageId: string | null
  /** From when it was due, or asked for, until the provider accepted it; null: it was reported later, or TaskManager sent it. */
  readonly lateMs: number | null
}

/** What a person answered about an appointment. */
export type AnswerEvent = {
  readonly organizationId: string
  readonly appointmentId: EntityId
  readonly recipient: RecipientRef
  readonly via: AnswerVia
  /** Null: not by a message. */
  readonly channel: Channel | null
  readonly at: Date
}

/** A text of a person that is for people. */
export type ReplyEvent = {
  /** Null: it came to a sender that several organizations share, and nothing shows whose it is. */
  readonly organizationId: string | null
  readonly about: ReplyAbout
  readonly channel: Channel
  /** Those it may mean. */
  readonly appointments: readonly ReplyAppointment[]
  readonly at: Date
}

/** A row returned by the directory, and what is wrong with it. */
export type DirectoryFinding = {
  /** The directory method that returned it. */
  readonly method: keyof Directory
  /** Null: the row has no id that can be read. */
  readonly id: EntityId | null
  /** When it was first found. */
  readonly at: Date
  /** False: the row cannot be used, and messages about it wait. True: the rest of it is used. */
  readonly usable: boolean
  /** Which fields, and why. No values: they may be personal. */
  readonly issues: readonly FieldIssue[]
}

/**
 * Each is emitted once the transaction behind it is committed. If a listener throws, or returns a promise that rejects,
 * the error is logged and nothing else happens.
 */
export type NotificationEvents = {
  /** `traceContext`: what the option of this name returned for it. */
  'reminder.scheduled': [event: ReminderEvent & { readonly reminderTime: Date; readonly traceContext?: string }]
  'reminder.sent': [event: ReminderEvent & { readonly notificationId: number }]
  'reminder.failed': [event: ReminderEvent & { readonly code: string }]
  'reminder.cancelled': [event: ReminderEvent & { readonly rule: Rule }]
  'reminder.skipped': [event: About & { readonly offset: string | null; readonly rule: Rule }]
  'notification.sent': [event: NotificationEvent & Accepted]
  /** The provider or TaskManager reported that it arrived. */
  'notification.delivered': [event: NotificationEvent]
  /** The provider reported that it was read, also where it never reported that it was delivered. */
  'notification.read': [event: NotificationEvent]
  /** The person reported it as unwanted; nothing more is sent to the address. */
  'notification.complained': [event: NotificationEvent]
  /** Its provider reports which messages arrive, and reported nothing on this one in the time that this may take. */
  'notification.unreported': [event: NotificationEvent]
  'notification.failed': [event: NotificationEvent & { readonly code: string }]
  'notification.unknown': [event: NotificationEvent & { readonly code: string }]
  'appointment.confirmed': [event: AnswerEvent]
  'appointment.change_requested': [event: AnswerEvent]
  'appointment.cancel_requested': [event: AnswerEvent]
  /** A person wrote something that is for people to read; the text is in `answers.list()` and the hook `onReply`. */
  'reply.received': [event: ReplyEvent]
  /** A person opted out by a text. */
  'consent.refused': [event: ConsentEvent]
  /** A person took an opt-out back by a text. */
  'consent.given': [event: ConsentEvent]
  /** A text may be an opt-out: nothing is sent to its address on the channel until staff decide (`consent.doubts()`). */
  'consent.doubted': [event: ConsentEvent]
  /** An opt-out in words that may mean an appointment too, such as CANCEL: `appointmentIds` are those ahead. Nothing was cancelled. */
  possible_cancel_request: [event: Heard & { readonly appointmentIds: readonly EntityId[] }]
  /** A text that is about no consent. */
  'inbound.received': [event: Heard]
  /**
   * A row returned by your directory cannot be used, or only without some of its fields. Emitted once for each row and fault, and
   * again after an hour in which the row was not read.
   */
  'directory.finding': [event: DirectoryFinding]
  error: [event: { readonly code: string; readonly message: string; readonly organizationId: string | null }]
}
