/**
 * Reads mails that report the outcome of a message: `bounces()` of `appointment-notifications/bounces`, or another one, given as the
 * option `bounces`. It has no part in what follows from a report.
 */
export interface BounceReader {
  /**
   * What the mail reports; null: nothing, as an automatic reply does. Anybody may have written the mail: whatever it holds, this
   * resolves within moments.
   * @throws NotificationError `dependency_missing`.
   */
  read(mail: Uint8Array): Promise<MailReport | null>
}

/** Nothing in it is proven but `sender`. */
export type MailReport = {
  readonly quoted: QuotedMessage
} & (
  | { readonly kind: 'delivery'; readonly recipients: readonly RecipientReport[] }
  /** The person marked the message as unwanted. `code`: a word such as `complaint_abuse`. */
  | { readonly kind: 'complaint'; readonly code: string }
)

/** What the mail says of the message that it is about. */
export type QuotedMessage = {
  /** Message-IDs, without angle brackets. */
  readonly messageIds: readonly string[]
  /** To whom it went, as written. */
  readonly addresses: readonly string[]
  /** Of the address that the report was sent to, if the transport made that for this message and signed it. */
  readonly sender: SignedSender | null
}

export type SignedSender = {
  readonly notificationId: number
  /** Whether it was signed for the message with this key. */
  signs(idempotencyKey: string): boolean
}

/** The outcome of the message for one recipient; a message that is forwarded may have others than it was sent to. */
export type RecipientReport = {
  /** The recipient, by the names that the report has for it, as written. */
  readonly addresses: readonly string[]
  /** `bounced`: for good. `delayed`: the server goes on trying. `other`: nothing of interest, such as delivered. */
  readonly outcome: 'bounced' | 'delayed' | 'other'
  /** A word without contact data, such as `smtp_5.1.1`: the one that a transport has for the same refusal. */
  readonly code: string
  /** The server's words, which may hold contact data; null: none. */
  readonly reason: string | null
  /** The report says that nobody has the address. */
  readonly addressUnknown: boolean
}
