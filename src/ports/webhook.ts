import type { Account, Channel } from '../channels/index.ts'
import type { ProviderReport } from '../schemas/receipt.ts'

/** A request to the webhook of an account, `/webhooks/{transport}/{account_id}`, as it arrived. */
export type WebhookRequest = {
  /** GET: a handshake, or a report of a provider that reports so. */
  readonly method: 'GET' | 'POST'
  /**
   * The URL that the provider calls: the option `publicUrl` with the path and the query of the request. Null: the
   * option is not set. What the request says of its own host is not in it, since a proxy may have changed that.
   */
  readonly url: string | null
  /** Without the question mark; '' if there is none. */
  readonly query: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The very bytes of the body, for signatures over them; none for GET. At most 3 MB. */
  readonly body: Uint8Array
  readonly now: Date
  /** Aborted when the time for the answer is over: 10 s. */
  readonly signal: AbortSignal
}

/** Whose webhook it is. */
export type WebhookAccount = {
  /** Of the account, as in the path: an organization may have several on a channel. */
  readonly id: string
  /** Null: the host application's own account, by which several organizations may send. */
  readonly organizationId: string | null
  readonly channel: Channel
  /**
   * What the account signs in with, and after it what it signed in with before, as long as reports on messages sent so may come.
   * Empty: nothing.
   */
  readonly accounts: readonly Account[]
}

/** A message that a person sent to a sender of the account. */
export type InboundMessage = {
  /** Of the person, in the channel's normal form or as the provider writes it. */
  readonly from: string
  /** The sender that it was sent to, as `from`; null: the provider names none. */
  readonly to: string | null
  /** '' for one without text, such as a picture. */
  readonly text: string
  /** Of the provider: a message that is reported again has the same. */
  readonly messageId: string
  /** When it was sent; null: the provider does not say. */
  readonly at: Date | null
  /** What the provider took it for, and has answered by itself. */
  readonly optOutType?: 'STOP' | 'START' | 'HELP' | undefined
  /** The provider answers it by itself, whatever the library takes it for: nothing more is said to the person. Default false. */
  readonly isAnswered?: boolean | undefined
  /** Of the button that was pressed. */
  readonly payload?: string | undefined
  /** The provider's id of the message that it answers. */
  readonly repliesTo?: string | undefined
}

/** What a request says, once its signature was verified; `reply`: what the provider expects. Default: `ok`. */
export type WebhookReading =
  | {
      readonly kind: 'read'
      readonly reports: readonly ProviderReport[]
      /**
       * On messages of other accounts, which the provider reports together at one URL. For each of those accounts the same request
       * is read again, so that they count where that account would have believed it.
       */
      readonly others?: readonly ProviderReport[]
      /** What people wrote to senders of the account. */
      readonly inbound?: readonly InboundMessage[]
      /** What people wrote to other senders. For each account that may be meant the request is read again, as for `others`. */
      readonly othersInbound?: readonly InboundMessage[]
      /** The reply by which the provider sends a text to who wrote; left out: it cannot, and the transport sends one. */
      readonly respond?: (text: string) => { readonly type: 'text/plain' | 'text/xml'; readonly text: string }
      readonly reply?: { readonly type: 'text/plain' | 'text/xml'; readonly text: string }
    }
  /**
   * Nothing changes, and the answer is 401, or 403 for `foreign`. `unsigned`: it has no signature, or a wrong one. `stale`: it was
   * signed too long ago. `foreign`: whoever signed it may not speak for this account.
   */
  | { readonly kind: 'refused'; readonly reason: 'unsigned' | 'stale' | 'foreign' }

/** Reads a request of a provider. If it throws, the answer is 500, and the provider may try again. */
export type ReceiptReader = (request: WebhookRequest, account: WebhookAccount) => Promise<WebhookReading>
