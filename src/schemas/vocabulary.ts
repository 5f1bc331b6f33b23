/** The documented words. Unions come from these arrays, so that validation, SQL checks and types share one source. */

/** Kinds of recipients. */
export const recipientTypes = ['PATIENT', 'CLIENT', 'PRACTITIONER'] as const
/** Kind of recipient. */
export type RecipientType = (typeof recipientTypes)[number]

/** Kinds of messages. */
export const categories = ['CONFIRMATION', 'REMINDER', 'CANCELLATION', 'RESCHEDULE', 'WAITLIST'] as const
/** Kind of message: a reminder, or a notice, which is sent because of an event. */
export type Category = (typeof categories)[number]

/** Kinds of notices that `sendAppointmentNotification()` sends; reminders are planned instead. */
export const appointmentCategories = ['CONFIRMATION', 'CANCELLATION', 'RESCHEDULE'] as const
/** Kind of notice that `sendAppointmentNotification()` sends; reminders are planned instead. */
export type AppointmentCategory = (typeof appointmentCategories)[number]

/** Who reads a message. `person`: whoever has the appointment. `other`: somebody else, such as a parent or the practitioner. */
export const audiences = ['person', 'other'] as const
/** Who reads a message. `person`: whoever has the appointment. `other`: somebody else, such as a parent or the practitioner. */
export type Audience = (typeof audiences)[number]

/** How an appointment takes place. */
export const visitModes = ['in_person', 'phone', 'video'] as const
export type VisitMode = (typeof visitModes)[number]

/**
 * How much a message says. 0: that there is an appointment. 1: also its date and time, whose it is, and whether it takes
 * place in person. 2: also place and practitioner.
 */
export const detailLevels = [0, 1, 2] as const
export type DetailLevel = (typeof detailLevels)[number]

/** What a reschedule notice can report as changed. */
export const appointmentChanges = ['time', 'place', 'practitioner'] as const
export type Change = (typeof appointmentChanges)[number]

/** Status of a reminder. */
export const reminderStatuses = ['PENDING', 'SENT', 'FAILED', 'CANCELLED'] as const
/** Status of a reminder. `PENDING`: not sent yet. */
export type ReminderStatus = (typeof reminderStatuses)[number]

/** Result of a notification. */
export const deliveryStatuses = ['SENT', 'FAILED', 'BOUNCED', 'DELIVERED'] as const
/**
 * Result of a notification. `SENT`: the provider accepted it. `DELIVERED`: the provider reported that it arrived. `BOUNCED`:
 * it was accepted, and came back.
 */
export type DeliveryStatus = (typeof deliveryStatuses)[number]

/**
 * What providers report about a message, lowest first: a report below the highest one known changes no status. READ has the
 * status DELIVERED; COMPLAINED has DELIVERED, or BOUNCED if it bounced too.
 */
export const reportedStates = ['SENT', 'FAILED', 'DELIVERED', 'READ', 'BOUNCED', 'COMPLAINED'] as const
/** What providers report about a message; see `reportedStates` for the order. */
export type ReportedState = (typeof reportedStates)[number]

/**
 * Names of the reports in `deliveryDetail`, lowest first, each with the time of the first such report. The time of sending
 * is `sentAt`.
 */
export const reportWords = ['failed', 'delivered', 'read', 'bounced', 'complained'] as const
/** Name of a report in `deliveryDetail`. */
export type ReportWord = (typeof reportWords)[number]

/**
 * Progress of a delivery. `handed_over`: TaskManager has it. `unknown`: it may or may not have been sent. `settled`: it has
 * a final result (`status`). `cancelled`: withdrawn before any attempt succeeded; `status` stays null.
 */
export const deliveryStates = ['queued', 'sending', 'handed_over', 'unknown', 'settled', 'cancelled'] as const
/**
 * Progress of a delivery. `handed_over`: TaskManager has it. `unknown`: it may or may not have been sent. `settled`: it has
 * a final result (`status`). `cancelled`: withdrawn before any attempt succeeded; `status` stays null.
 */
export type DeliveryState = (typeof deliveryStates)[number]

/** What is counted of every delivery when it settles. When the status changes, the count moves with it. */
export const settledMeasures = [...deliveryStatuses, 'UNKNOWN', 'CANCELLED'] as const

/**
 * Reports that are counted in addition to the status. `unreported`: the provider reports on other messages, and reported
 * nothing about this one in time.
 */
export const countedReports = ['read', 'complained', 'unreported'] as const
/**
 * Report that is counted in addition to the status. `unreported`: the provider reports on other messages, and reported
 * nothing about this one in time.
 */
export type CountedReport = (typeof countedReports)[number]

/**
 * What statistics count.
 * - `PLANNED`: reminders planned and notices queued.
 * - `WITHDRAWN`: reminders cancelled before an intent, by rule.
 * - `SKIPPED`: messages left out at planning or on request, by rule.
 * - `LATENESS` (due to sent) and `DELIVERY_TIME` (sent to delivered): histograms.
 * - `OPT_OUT`: a recipient disabled a channel or category; `SUPPRESSED`: a provider reported an opt-out.
 * - `OUTCOME`: outcomes of appointments.
 * - `METERED`: messages that count against the daily cap.
 * - `ACCOUNT`: attempts by an account with a daily limit, under the account's id in place of an organization's.
 * - `TASK`: events of TaskManager's tasks; `EXECUTION_TIME`: how late tasks were executed, a histogram.
 * - `REPORTED`: reports in addition to the status (`countedReports`).
 * - `CONFIRMED`: messages reported as delivered, by account.
 */
export const measures = [
  ...settledMeasures,
  'PLANNED',
  'WITHDRAWN',
  'SKIPPED',
  'LATENESS',
  'DELIVERY_TIME',
  'OPT_OUT',
  'SUPPRESSED',
  'OUTCOME',
  'METERED',
  'ACCOUNT',
  'TASK',
  'EXECUTION_TIME',
  'REPORTED',
  'CONFIRMED',
] as const
/** What a counter of the statistics counts. */
export type Measure = (typeof measures)[number]

/** Why nothing is sent to an address, with the sentence that `explain()` shows. `stop` and `complaint` come from the person. */
export const suppressionTable = {
  stop: 'the person opted out',
  complaint: 'the person reported a message as unwanted',
  invalid: 'nobody has the address',
  failure: 'messages to the address fail for good',
  doubt: 'an answer of the person may mean that nothing more is wanted; staff decide',
} as const
/** Why nothing is sent to an address; see `suppressionTable`. */
export type SuppressionCause = keyof typeof suppressionTable
/** Why nothing is sent to an address; see `suppressionTable`. */
export const suppressionCauses = [
  'stop',
  'complaint',
  'invalid',
  'failure',
  'doubt',
] as const satisfies SuppressionCause[]
/** The causes that a caller can record; `doubt` comes only from answers of people. */
export const recordedCauses = ['stop', 'complaint', 'invalid', 'failure'] as const satisfies SuppressionCause[]

/**
 * Acts in the record of consent. `doubted`: the person may have refused; staff decide. `cleared`: staff decided that it was
 * no refusal.
 */
export const consentActs = ['refused', 'given', 'doubted', 'cleared'] as const
/**
 * Act in the record of consent. `doubted`: the person may have refused; staff decide. `cleared`: staff decided that it was
 * no refusal.
 */
export type ConsentAct = (typeof consentActs)[number]

/**
 * How consent was given or refused. `api`: by writing preferences. `link`: by a link in a message. `one_click`: by the
 * unsubscribe button of a mail program. `text`: by a reply, such as STOP. `provider`: the provider reported it. `complaint`:
 * the person marked a message as unwanted. `staff`: somebody recorded or decided it.
 */
export const consentHows = ['api', 'link', 'one_click', 'text', 'provider', 'complaint', 'staff'] as const
/**
 * How consent was given or refused. `api`: by writing preferences. `link`: by a link in a message. `one_click`: by the
 * unsubscribe button of a mail program. `text`: by a reply, such as STOP. `provider`: the provider reported it. `complaint`:
 * the person marked a message as unwanted. `staff`: somebody recorded or decided it.
 */
export type ConsentHow = (typeof consentHows)[number]

/**
 * What an inbound text means. `cancel`: an opt-out in words that may also be about an appointment. `yes`: agreement, which
 * also takes back an opt-out. `doubt`: contains a word of refusal among others. `other`: is not about consent.
 */
export const inboundMeanings = ['stop', 'cancel', 'start', 'yes', 'help', 'doubt', 'other'] as const
export type InboundMeaning = (typeof inboundMeanings)[number]

/** The automatic reply to a person who opted out, opted in again or asked for help. */
export const inboundReplies = ['stopped', 'started', 'help'] as const
export type InboundReply = (typeof inboundReplies)[number]

/** Why nothing reached a person before an appointment, with the sentence that the attention list shows. */
export const unreachedTable = {
  bounced: 'the last message came back',
  failed: 'the last message failed',
  unreported: 'the provider reports which messages arrive, and reported nothing about the last one',
  held: 'the last message waits for a decision or for an account that is paused, or may or may not have been sent',
  no_contact: 'there is no usable address on any channel of the organization',
  opted_out: 'the person opted out of the channels of the organization, or did not consent',
  in_doubt:
    'a message from the address may be a refusal, and nothing is sent there until staff decide: read it in the list of doubts, and clear or refuse it there',
} as const satisfies Record<string, string>
export type UnreachedReason = keyof typeof unreachedTable
export const unreachedReasons = [
  'bounced',
  'failed',
  'unreported',
  'held',
  'no_contact',
  'opted_out',
  'in_doubt',
] as const satisfies UnreachedReason[]

/** Outcomes of an appointment, as `recordOutcome()` records them. */
export const appointmentOutcomes = ['attended', 'no_show', 'cancelled_late', 'rescheduled'] as const
/** Outcome of an appointment, as `recordOutcome()` records it. */
export type AppointmentOutcome = (typeof appointmentOutcomes)[number]

/** What a person can answer about an appointment: `change` asks for another time. */
export const answerActions = ['confirm', 'change', 'cancel'] as const
/** What a person answered about an appointment: `change` asks for another time. */
export type AnswerAction = (typeof answerActions)[number]

/** Which further reminders a person gets after confirming an appointment: all, only the last of each channel, or none. */
export const confirmedReminderPolicies = ['keep', 'last', 'none'] as const
/** Which further reminders a person gets after confirming an appointment: all, only the last of each channel, or none. */
export type ConfirmedReminderPolicy = (typeof confirmedReminderPolicies)[number]

/** How an answer came: by a text reply, by a link in a message, or recorded by staff. */
export const answerVias = ['reply', 'link', 'staff'] as const
/** How an answer came: by a text reply, by a link in a message, or recorded by staff. */
export type AnswerVia = (typeof answerVias)[number]

/**
 * Why a text needs a person to read it. `reply`: it is not about consent, and no clear answer. `possible_cancel_request`: it
 * opted out with a word such as CANCEL, and may be about appointments. `consent_in_doubt`: it contains a word that opts out,
 * but may not mean it.
 */
export const replyAbouts = ['reply', 'possible_cancel_request', 'consent_in_doubt'] as const
/**
 * Why a text needs a person to read it. `reply`: it is not about consent, and no clear answer. `possible_cancel_request`: it
 * opted out with a word such as CANCEL, and may be about appointments. `consent_in_doubt`: it contains a word that opts out,
 * but may not mean it.
 */
export type ReplyAbout = (typeof replyAbouts)[number]

/** Keys of templates, one for each kind of message. */
export const templateKeys = [
  'appointment_confirmation',
  'appointment_reminder',
  'appointment_cancellation',
  'appointment_reschedule',
  'waitlist_notification',
] as const
/** Key of a template, one for each kind of message. */
export type TemplateKey = (typeof templateKeys)[number]

export const templateKeyOf: Readonly<Record<Category, TemplateKey>> = {
  CONFIRMATION: 'appointment_confirmation',
  REMINDER: 'appointment_reminder',
  CANCELLATION: 'appointment_cancellation',
  RESCHEDULE: 'appointment_reschedule',
  WAITLIST: 'waitlist_notification',
}

/** Statuses of an appointment in your directory. Reminders are sent for `scheduled` and `confirmed` only. */
export const appointmentStatuses = ['scheduled', 'confirmed', 'cancelled', 'completed', 'no_show'] as const
/** Status of an appointment in your directory. Reminders are sent for `scheduled` and `confirmed` only. */
export type AppointmentStatus = (typeof appointmentStatuses)[number]

/**
 * What happens to a reminder whose time is already past when it is planned. `skip`: it is not sent. `send_now`: it is sent
 * at once. `merge`: it is left to the reminder nearest to the start, which is sent at once if its time is past too.
 */
export const pastReminderPolicies = ['skip', 'send_now', 'merge'] as const
/** What happens to a reminder whose time is already past when it is planned; see `pastReminderPolicies`. */
export type PastReminderPolicy = (typeof pastReminderPolicies)[number]

/**
 * What happens to a message that may or may not have been sent. `retry`: one more attempt before the start, by the same
 * account. `retry_elsewhere`: by another account. `hold`: it waits for a person's decision.
 */
export const unknownOutcomePolicies = ['retry', 'retry_elsewhere', 'hold'] as const
/**
 * What happens to a message that may or may not have been sent. `retry`: one more attempt before the start, by the same
 * account. `retry_elsewhere`: by another account. `hold`: it waits for a person's decision.
 */
export type UnknownOutcomePolicy = (typeof unknownOutcomePolicies)[number]

/** What was decided about a message, as `explain()` shows it. */
export const decisionActions = [
  'planned',
  'skipped',
  'cancelled',
  'merged',
  'moved',
  'queued',
  'send',
  'deferred',
  'retried',
  'refused',
  'failed',
  'held',
  'late',
  'released',
  'handed_over',
  'taken_over',
  'sent',
  'delivered',
  'read',
  'complained',
  'unconfirmed',
  'answered',
  'passed_on',
] as const
/** What was decided about a message, as `explain()` shows it. */
export type DecisionAction = (typeof decisionActions)[number]

/**
 * Encryption of the connection to a mail server. `implicit`: TLS from the start. `required`: STARTTLS, or nothing is sent.
 * `opportunistic`: STARTTLS if the server offers it. `off`: none.
 */
export const emailSecurities = ['implicit', 'required', 'opportunistic', 'off'] as const
/**
 * Encryption of the connection to a mail server. `implicit`: TLS from the start. `required`: STARTTLS, or nothing is sent.
 * `opportunistic`: STARTTLS if the server offers it. `off`: none.
 */
export type EmailSecurity = (typeof emailSecurities)[number]
