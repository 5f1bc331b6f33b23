/**
 * Reads mails that report bounces and complaints, for the option `bounces`: `bounces()` of
 * `appointment-notifications/bounces`, or one of your own. What follows from a report is decided by the library.
 */
export interface BounceReader {
  /**
   * What the mail reports; null: nothing, such as for an automatic reply. The mail can come from anybody: whatever it
   * contains, this must resolve within moments.
   * @throws NotificationError `dependency_missing`.
   */
  read(mail: Uint8Array): Promise<MailReport | null>
}

/** What a mail reports. Nothing in it is proven except `sender`. */
export type MailReport = {
  readonly quoted: QuotedMessage
} & (
  | { readonly kind: 'delivery'; readonly recipients: readonly RecipientReport[] }
  /** The person marked the message as unwanted. `code`: a word such as `complaint_abuse`. */
  | { readonly kind: 'complaint'; readonly code: string }
)

/** What a report says about the message that it is about. */
export type QuotedMessage = {
  /** Message-IDs, without angle brackets. */
  readonly messageIds: readonly string[]
  /** Addresses that the message was sent to, as written in the report. */
  readonly addresses: readonly string[]
  /**
   * Taken from the address that the report was sent to, if the transport made and signed that address for this message;
   * null: it did not.
   */
  readonly sender: SignedSender | null
}

/** A sender address that a transport made for one message, and signed. */
export type SignedSender = {
  readonly notificationId: number
  /** Whether it was signed for the message with this key. */
  signs(idempotencyKey: string): boolean
}

/** The outcome of a message for one recipient. A forwarded message can have other recipients than it was sent to. */
export type RecipientReport = {
  /** Names of the recipient in the report, as written. */
  readonly addresses: readonly string[]
  /** `bounced`: permanently. `delayed`: the server keeps trying. `other`: nothing of interest, such as delivered. */
  readonly outcome: 'bounced' | 'delayed' | 'other'
  /** Code without contact data, such as `smtp_5.1.1`: the same that a transport has for this refusal. */
  readonly code: string
  /** The server's text, which may contain contact data; null: none. */
  readonly reason: string | null
  /** True: the report says that the address does not exist. */
  readonly addressUnknown: boolean
}
