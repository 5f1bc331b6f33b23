import type { Category, Channel } from '../schemas/vocabulary.ts'

/** The credentials and sender of a channel, decrypted for the length of a send. */
export type EmailAccount = {
  readonly channel: 'EMAIL'
  readonly host: string
  readonly port: number
  readonly username: string | null
  readonly password: string | null
}
export type SmsAccount = {
  readonly channel: 'SMS'
  readonly provider: string
  readonly apiKey: string | null
  readonly apiSecret: string | null
}
export type Account = EmailAccount | SmsAccount

export type OutboundMessage = {
  /** Of its row in the history: for the URL where the provider reports what became of it (`recordReceipt`). */
  readonly notificationId: number
  /** Stable over every attempt at this message: for Message-ID, idempotency headers and the receiver's own dedupe. */
  readonly idempotencyKey: string
  readonly organizationId: string
  readonly category: Category
  readonly channel: Channel
  /** One address; one message has one recipient. */
  readonly to: string
  /** Names are one line without control characters. */
  readonly toName: string | null
  /** E-mail: the address mail comes from. SMS: the sending number, or null where the provider chooses. */
  readonly from: string | null
  readonly fromName: string | null
  /** E-mail only. */
  readonly subject: string | null
  readonly text: string
  /** E-mail only: the same text as escaped HTML. */
  readonly html: string | null
}

export type SendContext = {
  /** Null for transports that need none. */
  readonly account: Account | null
  /** Changes whenever the credentials change: the key for pools. Holds no secret. */
  readonly accountKey: string
  /** True for the host application's own account (DEFAULT_*): the outbound guard is for organizations' hosts. */
  readonly trusted: boolean
  /**
   * Aborted when the time for this send is over (`sendTimeoutMs`), or another worker has it; `send` then has half a second to say what became of the message, and
   * what it does not say is of unknown outcome.
   */
  readonly signal: AbortSignal
}

export type SendReceipt = {
  /** The provider's id of the message, for callbacks. */
  readonly messageId: string | null
}

/**
 * Delivers one message. Resolving means the provider accepted it. Failure is a `TransportError` that says what became of
 * it; anything else thrown counts as unknown. `send` is called concurrently, at most `concurrency` at a time an account.
 */
export interface Transport {
  /** The provider name in settings (`sms_provider`); `smtp` serves the SMTP fields. */
  readonly name: string
  readonly channels: readonly Channel[]
  /** False: works without credentials and serves every organization that has no provider of its own. */
  readonly needsAccount: boolean
  /** Sends at a time an account. Default 10. */
  readonly concurrency?: number
  send(message: OutboundMessage, context: SendContext): Promise<SendReceipt>
  /** Proves the credentials without sending. Throws TransportError. */
  verify?(context: SendContext): Promise<void>
  /** Frees pools; sends in progress may finish first. Idempotent. */
  close?(): Promise<void>
}
