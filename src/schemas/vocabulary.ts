/** The documented words. Unions come from these arrays, so that validation, SQL checks and types share one source. */

export const recipientTypes = ['PATIENT', 'CLIENT', 'PRACTITIONER'] as const
export type RecipientType = (typeof recipientTypes)[number]

export const categories = ['CONFIRMATION', 'REMINDER', 'CANCELLATION', 'RESCHEDULE', 'WAITLIST'] as const
export type Category = (typeof categories)[number]

/** Categories about one appointment that a host may ask for at once; reminders are planned instead. */
export const appointmentCategories = ['CONFIRMATION', 'CANCELLATION', 'RESCHEDULE'] as const
export type AppointmentCategory = (typeof appointmentCategories)[number]

/** Who reads a message: whoever has the appointment, or somebody else, such as a parent or the practitioner. */
export const audiences = ['person', 'other'] as const
export type Audience = (typeof audiences)[number]

/** How an appointment takes place. */
export const visitModes = ['in_person', 'phone', 'video'] as const
export type VisitMode = (typeof visitModes)[number]

/**
 * How much a message may say: 0 that there is an appointment; 1 its day and time, whose it is and whether it is a visit; 2 place and
 * practitioner too.
 */
export const detailLevels = [0, 1, 2] as const
export type DetailLevel = (typeof detailLevels)[number]

/** What a reschedule notice can say is another one by now. */
export const appointmentChanges = ['time', 'place', 'practitioner'] as const
export type Change = (typeof appointmentChanges)[number]

export const reminderStatuses = ['PENDING', 'SENT', 'FAILED', 'CANCELLED'] as const
export type ReminderStatus = (typeof reminderStatuses)[number]

export const deliveryStatuses = ['SENT', 'FAILED', 'BOUNCED', 'DELIVERED'] as const
export type DeliveryStatus = (typeof deliveryStatuses)[number]

/**
 * What providers report of a message, in order: each stands above those before it, and a report below what is known changes nothing
 * of it. READ shows as the status DELIVERED; COMPLAINED as DELIVERED, or as BOUNCED where it bounced too.
 */
export const reportedStates = ['SENT', 'FAILED', 'DELIVERED', 'READ', 'BOUNCED', 'COMPLAINED'] as const
export type ReportedState = (typeof reportedStates)[number]

/** The same as `deliveryDetail` has them, each with the time of the first report; that it was sent is `sentAt`. In order. */
export const reportWords = ['failed', 'delivered', 'read', 'bounced', 'complained'] as const
export type ReportWord = (typeof reportWords)[number]

/**
 * Progress of a delivery. `handed_over`: TaskManager has it. `unknown`: it may have been sent.
 * `cancelled`: withdrawn before any attempt succeeded; `status` stays null.
 */
export const deliveryStates = ['queued', 'sending', 'handed_over', 'unknown', 'settled', 'cancelled'] as const
export type DeliveryState = (typeof deliveryStates)[number]

/** What is counted of every delivery as it settles, and moves with its status. */
export const settledMeasures = [...deliveryStatuses, 'UNKNOWN', 'CANCELLED'] as const

/** What is counted beyond the status of a message. `unreported`: its provider, which reports on others, said nothing in time. */
export const countedReports = ['read', 'complained', 'unreported'] as const
export type CountedReport = (typeof countedReports)[number]

/**
 * What statistics count. `PLANNED`: reminders planned and notices queued. `WITHDRAWN`: reminders cancelled before an intent,
 * by rule. `SKIPPED`: left out when planning or asking, by rule. `LATENESS` (due to sent) and `DELIVERY_TIME` (sent to
 * delivered): histograms. `OPT_OUT`: a recipient switched a channel or category off; `SUPPRESSED`: a provider reported it.
 * `OUTCOME`: what became of appointments. `METERED`: messages that count against the daily cap. `ACCOUNT`: attempts by an account
 * that has a daily limit, under its id in place of an organization's. `TASK`: what became of tasks of TaskManager, by event;
 * `EXECUTION_TIME`: how long it took for one, a histogram. `REPORTED`: what was reported beyond the status, by `countedReports`.
 * `CONFIRMED`: messages reported as delivered, by account.
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
export type Measure = (typeof measures)[number]

/** Why nothing is sent to an address, with the sentence that `explain()` shows. The first two are the person's own word. */
export const suppressionTable = {
  stop: 'the person opted out',
  complaint: 'the person reported a message as unwanted',
  invalid: 'nobody has the address',
  failure: 'messages to the address fail for good',
  doubt: 'an answer of the person may mean that nothing more is wanted; staff decide',
} as const
export type SuppressionCause = keyof typeof suppressionTable
export const suppressionCauses = [
  'stop',
  'complaint',
  'invalid',
  'failure',
  'doubt',
] as const satisfies SuppressionCause[]
/** What a caller can record; what is in doubt comes from answers alone. */
export const recordedCauses = ['stop', 'complaint', 'invalid', 'failure'] as const satisfies SuppressionCause[]

/** What a person says of what they want, as the record of consent has it. `doubted`: it may mean so; staff decide. */
export const consentActs = ['refused', 'given', 'doubted', 'cleared'] as const
export type ConsentAct = (typeof consentActs)[number]

/**
 * How it was said. `api`: preferences were written, by whoever did. `link`, `one_click`: by a link of a message, or the button of
 * a mailbox. `text`: an answer by text, such as STOP. `provider`: a provider refuses the address for it. `complaint`: the person
 * reported a message as unwanted. `staff`: somebody recorded it, or decided it.
 */
export const consentHows = ['api', 'link', 'one_click', 'text', 'provider', 'complaint', 'staff'] as const
export type ConsentHow = (typeof consentHows)[number]

/**
 * What a person's message means. `cancel`: an opt-out in words that may also mean an appointment. `yes`: agrees, and takes an opt-out
 * back where there is one. `doubt`: holds a word of refusal among others. `other`: is about no consent.
 */
export const inboundMeanings = ['stop', 'cancel', 'start', 'yes', 'help', 'doubt', 'other'] as const
export type InboundMeaning = (typeof inboundMeanings)[number]

/** The one text that answers a person who opted out, came back or asked for help. */
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

/** The outcome of an appointment, as the host records it. */
export const appointmentOutcomes = ['attended', 'no_show', 'cancelled_late', 'rescheduled'] as const
export type AppointmentOutcome = (typeof appointmentOutcomes)[number]

/** What a person can answer about an appointment. */
export const answerActions = ['confirm', 'change', 'cancel'] as const
export type AnswerAction = (typeof answerActions)[number]

/**
 * What happens to further reminders of an appointment that the person confirmed: all are kept, only the last of each channel, or none.
 */
export const confirmedReminderPolicies = ['keep', 'last', 'none'] as const
export type ConfirmedReminderPolicy = (typeof confirmedReminderPolicies)[number]

/** How an answer came. */
export const answerVias = ['reply', 'link', 'staff'] as const
export type AnswerVia = (typeof answerVias)[number]

/**
 * Why a text is for people to read. `possible_cancel_request`: it opted out in a word such as CANCEL, and may mean appointments;
 * `consent_in_doubt`: it contains a word that opts out, and may not mean it.
 */
export const replyAbouts = ['reply', 'possible_cancel_request', 'consent_in_doubt'] as const
export type ReplyAbout = (typeof replyAbouts)[number]

export const templateKeys = [
  'appointment_confirmation',
  'appointment_reminder',
  'appointment_cancellation',
  'appointment_reschedule',
  'waitlist_notification',
] as const
export type TemplateKey = (typeof templateKeys)[number]

export const templateKeyOf: Readonly<Record<Category, TemplateKey>> = {
  CONFIRMATION: 'appointment_confirmation',
  REMINDER: 'appointment_reminder',
  CANCELLATION: 'appointment_cancellation',
  RESCHEDULE: 'appointment_reschedule',
  WAITLIST: 'waitlist_notification',
}

export const appointmentStatuses = ['scheduled', 'confirmed', 'cancelled', 'completed', 'no_show'] as const
export type AppointmentStatus = (typeof appointmentStatuses)[number]

/** What to do with a reminder whose time is already past when it is planned. */
export const pastReminderPolicies = ['skip', 'send_now', 'merge'] as const
export type PastReminderPolicy = (typeof pastReminderPolicies)[number]

/**
 * What to do with a send whose outcome is unknown: one retry before the start, by the same account or (`retry_elsewhere`) by another
 * one, or hold for a person to look at.
 */
export const unknownOutcomePolicies = ['retry', 'retry_elsewhere', 'hold'] as const
export type UnknownOutcomePolicy = (typeof unknownOutcomePolicies)[number]

/** What was decided, in `explain()`. */
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
export type DecisionAction = (typeof decisionActions)[number]

/**
 * How a mail server is spoken to: TLS from the start, STARTTLS or nothing at all, STARTTLS if it is offered, or in the
 * clear.
 */
export const emailSecurities = ['implicit', 'required', 'opportunistic', 'off'] as const
export type EmailSecurity = (typeof emailSecurities)[number]
