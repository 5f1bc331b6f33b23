import type { Account, Channel } from '../channels/index.ts'
import type { FilledTemplate } from '../schemas/approved-templates.ts'
import type { Category } from '../schemas/vocabulary.ts'
import type { ReceiptReader } from './webhook.ts'

export type { EmailAccount } from '../channels/email.ts'
export type { SmsAccount } from '../channels/sms.ts'
export type { Account, FilledTemplate }

export type OutboundMessage = {
  /**
   * The id of its row in the history, for the URL at which the provider reports on it (`recordReceipt`); 0 for what has no row,
   * a test message or an answer: a report on it concerns nobody.
   */
  readonly notificationId: number
  /** The id of the reminder that it is; left out or null: it is a notice, or a test message. */
  readonly reminderId?: number | null
  /** `traceparent` of the span that planned its reminder (option `traceContext`). Left out or null: there is none. */
  readonly traceContext?: string | null
  /**
   * The same for every attempt at this message: for Message-ID, idempotency headers and deduplication by the receiver.
   */
  readonly idempotencyKey: string
  readonly organizationId: string
  /**
   * `TEST`: a test message, which is about no appointment. `ANSWER`: tells a person who wrote STOP, START or HELP what became of it,
   * or whom to call; both have no row.
   */
  readonly category: Category | 'TEST' | 'ANSWER'
  readonly channel: Channel
  /**
   * In the channel's normal form, such as one e-mail address, its domain in ASCII, or one phone number in E.164; a message has one
   * recipient.
   */
  readonly to: string
  /** Like `fromName`, one line without control characters. */
  readonly toName: string | null
  /**
   * E-mail: the sender's address. SMS: the sender's number in E.164, its short code, or its alphanumeric id; null: the provider
   * chooses.
   */
  readonly from: string | null
  readonly fromName: string | null
  /** E-mail only: where answers go, if not to `from`; null: to `from`. */
  readonly replyTo: string | null
  /** Null where the channel has none, such as SMS. */
  readonly subject: string | null
  /** Where there is a `template`, its text with the values filled in, which the provider writes itself. */
  readonly text: string
  /** `text` as escaped HTML; null where the channel has none. */
  readonly html: string | null
  /** What is sent on channels whose messages are templates that the provider approved; null on others. */
  readonly template: FilledTemplate | null
  /** E-mail only: where a mail program unsubscribes with one click (RFC 8058). Left out or null: it does not offer that. */
  readonly unsubscribeUrl?: string | null
  /** E-mail only: a file by which calendars take its appointment in, or drop it. Left out or null: it has none. */
  readonly calendar?: CalendarFile | null
  /** From then on it is of no more use: no attempt, and no delivery by a provider that can be told. Null: there is no such time. */
  readonly deadline: Date | null
}

/** iCalendar, as a part of the mail and attached to it. `method`: what the part's type must say, as the content does (RFC 6047). */
export type CalendarFile = { readonly method: 'REQUEST' | 'CANCEL'; readonly content: string }

export type SendContext = {
  /** Null for a transport that needs none. */
  readonly account: Account | null
  /** The key under which to pool connections: it changes whenever the credentials change. Contains no secret. */
  readonly accountKey: string
  /**
   * True for the host application's own account (`DEFAULT_*`), which the guard for hosts named by organizations skips.
   */
  readonly trusted: boolean
  /**
   * Where the provider can report on messages of this account: its webhook, which `receipt` reads. Null: without the option
   * `publicUrl`, and for a transport without `receipt`.
   */
  readonly receiptUrl: string | null
  /** The time that `deadline` is measured by, which need not be this machine's. */
  readonly now: () => Date
  /**
   * Aborted when the time for this send is over (`sendTimeoutMs`), or when another worker has taken the message over.
   * `send` then has half a second to report what became of the message; otherwise its outcome is unknown.
   */
  readonly signal: AbortSignal
}

export type SendReceipt = {
  /** The provider's id of the message, for callbacks; null: it has none. */
  readonly messageId: string | null
  /** `traceparent` of the span that sent it, kept with the message for its events. Default: none. */
  readonly traceContext?: string | null
}

export type AccountFinding = {
  /** The setting that is wrong, such as `emailSmtpHost`. */
  readonly field: string
  /** A word for a program, such as `outbound_refused`. */
  readonly code: string
  /** Continues the name of the setting: `must be one of 25, 465`. Holds no secret. */
  readonly message: string
  /** True: it cannot work however things change, and is not saved. False: a warning. */
  readonly isCertain: boolean
}

/**
 * Delivers messages, one per call of `send`. Resolving means that the provider accepted the message. To fail, throw a
 * `TransportError`, which says what became of the message; after any other error its outcome counts as unknown. `send`
 * is called concurrently, up to `concurrency` times per account.
 */
export interface Transport {
  /** The name by which settings choose the provider (`sms_provider`); `smtp` serves the SMTP fields. */
  readonly name: string
  readonly channels: readonly Channel[]
  /** False: it works without credentials, and serves every organization that has no provider of its own. */
  readonly needsAccount: boolean
  /**
   * True: the host application's own account (`DEFAULT_*`) may have no key and secret, since the transport finds them where the
   * process runs, as AWS gives them to its machines. An organization's account needs its own all the same. Default false.
   */
  readonly ambientCredentials?: boolean
  /**
   * The domain of the envelope sender of mail through the host application's own account, where that is not the domain of `from`: receivers look
   * at its SPF. Default: none of its own.
   */
  readonly envelopeDomain?: string
  /** How many sends may run at a time per account. Default 10. */
  readonly concurrency?: number
  /**
   * True: people can reply to what it sends, and `receipt` reads their replies, so that messages may ask for an answer. Default false.
   */
  readonly receivesReplies?: boolean
  /** Sends one message. @throws TransportError */
  send(message: OutboundMessage, context: SendContext): Promise<SendReceipt>
  /**
   * What of an organization's account could never work, found without connecting to anything: asked when settings are saved,
   * and given some seconds. Default: nothing is found.
   */
  inspect?(account: Account, context: { readonly signal: AbortSignal }): Promise<readonly AccountFinding[]>
  /** Checks the credentials without sending anything. @throws TransportError */
  verify?(context: SendContext): Promise<void>
  /**
   * Verifies and reads what the provider sends to the account's webhook. A signature of one account says nothing about messages of
   * another: the library looks for the messages within the account alone. Default: the account has no webhook.
   */
  readonly receipt?: ReceiptReader
  /** Closes connections; sends in progress may finish first. Idempotent. */
  close?(): Promise<void>
}
