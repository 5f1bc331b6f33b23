import type { Account, Channel } from '../channels/index.ts'
import type { FilledTemplate } from '../schemas/approved-templates.ts'
import type { Category } from '../schemas/vocabulary.ts'
import type { ReceiptReader } from './webhook.ts'

export type { EmailAccount } from '../channels/email.ts'
export type { SmsAccount } from '../channels/sms.ts'
export type { Account, FilledTemplate }

/** A message to send to one recipient. */
export type OutboundMessage = {
  /**
   * Id of the notification in the history, for a URL at which the provider reports on it (`recordReceipt`). 0 for test
   * messages and automatic replies, which are not in the history: reports about them are ignored.
   */
  readonly notificationId: number
  /** Id of the reminder; null or left out: it is a notice, a test message or a reply. */
  readonly reminderId?: number | null
  /** `traceparent` of the span that planned the reminder (option `traceContext`); null or left out: none. */
  readonly traceContext?: string | null
  /**
   * The same for every attempt to send this message: for the Message-ID, idempotency headers, and deduplication by the
   * recipient.
   */
  readonly idempotencyKey: string
  /** The organization that sends it. */
  readonly organizationId: string
  /**
   * Kind of message. `TEST`: a test message. `ANSWER`: the automatic reply to STOP, START or HELP. Neither is in the
   * history.
   */
  readonly category: Category | 'TEST' | 'ANSWER'
  /** The channel to send on; one of the transport's. */
  readonly channel: Channel
  /** Address of the recipient in the channel's normal form: an e-mail address with an ASCII domain, a phone number in E.164. */
  readonly to: string
  /** Name of the recipient: one line without control characters; null: unknown. */
  readonly toName: string | null
  /** E-mail: sender address. SMS: number in E.164, short code or alphanumeric sender id; null: the provider chooses. */
  readonly from: string | null
  /** Name of the sender: one line without control characters; null: none. */
  readonly fromName: string | null
  /** E-mail only: the Reply-To address; null: `from`. */
  readonly replyTo: string | null
  /** Null on channels without subjects, such as SMS. */
  readonly subject: string | null
  /**
   * Text of the message. With a `template`: the template with its values filled in, for reference; the provider composes the
   * message itself.
   */
  readonly text: string
  /** `text` as escaped HTML; null on channels without HTML. */
  readonly html: string | null
  /** The approved template to send, on channels that require one; null on others. */
  readonly template: FilledTemplate | null
  /** E-mail only: URL for one-click unsubscription (RFC 8058); null or left out: none. */
  readonly unsubscribeUrl?: string | null
  /** E-mail only: calendar file of the appointment; null or left out: none. */
  readonly calendar?: CalendarFile | null
  /**
   * After this time the message is useless: do not send it, and give it to the provider as the end of validity if possible.
   * Null: no deadline.
   */
  readonly deadline: Date | null
}

/** An iCalendar file, sent as a part of the mail and as an attachment. `method`: for the content type of the part (RFC 6047). */
export type CalendarFile = { readonly method: 'REQUEST' | 'CANCEL'; readonly content: string }

/** What `send` and `verify` receive besides the message. */
export type SendContext = {
  /** Credentials, decrypted for this call; null: the transport needs none. */
  readonly account: Account | null
  /** Key for pooling connections. It changes when the credentials change, and contains no secret. */
  readonly accountKey: string
  /**
   * True: the host application's own account (`DEFAULT_*`), to which the guard for hosts named by organizations does not
   * apply.
   */
  readonly trusted: boolean
  /**
   * URL of the account's webhook, which `receipt` reads, to give to the provider; null: there is no `publicUrl`, or the
   * transport has no `receipt`.
   */
  readonly receiptUrl: string | null
  /** The time to compare `deadline` with; it can differ from this machine's clock. */
  readonly now: () => Date
  /**
   * Aborted after `sendTimeoutMs`, or when another worker has taken over the message. `send` then has half a second to
   * report the outcome; otherwise it is unknown.
   */
  readonly signal: AbortSignal
}

/** That the provider accepted a message. */
export type SendReceipt = {
  /** The provider's message id, to match its reports; null: it has none. */
  readonly messageId: string | null
  /** `traceparent` of the span that sent it, stored with the message for its events. Default: none. */
  readonly traceContext?: string | null
}

/** Something wrong with an account, found without connecting to the provider. */
export type AccountFinding = {
  /** The setting that is wrong, such as `emailSmtpHost`. */
  readonly field: string
  /** Code for programs, such as `outbound_refused`. */
  readonly code: string
  /** Continues the name of the setting: `must be one of 25, 465`. Holds no secret. */
  readonly message: string
  /** True: the account can never work like this, and saving it is refused. False: a warning. */
  readonly isCertain: boolean
}

/**
 * Sends messages through one provider, one message per call of `send`. Resolving means that the provider accepted the
 * message. To fail, throw a `TransportError`, which says whether it may have been sent; after any other error the outcome
 * counts as unknown. `send` is called concurrently, up to `concurrency` times per account.
 */
export interface Transport {
  /** Name by which settings choose the provider (`smsProvider`); `smtp` serves the SMTP fields. */
  readonly name: string
  /** Channels that it can send on. */
  readonly channels: readonly Channel[]
  /** False: it needs no credentials, and serves every organization without a provider of its own. */
  readonly needsAccount: boolean
  /**
   * True: the host application's own account (`DEFAULT_*`) may lack key and secret, because the transport finds credentials
   * in its environment, as on AWS machines. An organization's account always needs its own. Default false.
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
   * True: people can reply to its messages, and `receipt` reads the replies, so that messages may ask for an answer. Default
   * false.
   */
  readonly receivesReplies?: boolean
  /**
   * Sends one message.
   * @throws TransportError
   */
  send(message: OutboundMessage, context: SendContext): Promise<SendReceipt>
  /**
   * Finds what can never work in an organization's account, without connecting to the provider. Called when settings are
   * saved; takes a few seconds at most. Default: nothing is found.
   */
  inspect?(account: Account, context: { readonly signal: AbortSignal }): Promise<readonly AccountFinding[]>
  /**
   * Checks the credentials without sending anything.
   * @throws TransportError
   */
  verify?(context: SendContext): Promise<void>
  /**
   * Verifies and reads what the provider sends to the account's webhook. A valid signature of one account proves nothing
   * about messages of another: the library looks for messages of this account only. Default: the account has no webhook.
   */
  readonly receipt?: ReceiptReader
  /** Closes connections; sends in progress may finish first. Idempotent. */
  close?(): Promise<void>
}
