/**
 * Keeps what would have been sent, for tests.
 * @example
 * const outbox = capture()
 * const notifications = createNotifications({ transports: [outbox], ... })
 * expect(outbox.sent.map((message) => message.to)).toEqual(['ada@example.org'])
 */
import { channels } from '../../src/channels/names.ts'
import { TransportError } from '../../src/errors.ts'
import type { Clock, OutboundMessage, ReceiptReader, Transport } from '../../src/index.ts'
import { systemClock } from '../../src/ports/clock.ts'

/** Options of `capture()`. */
export type CaptureOptions = {
  /**
   * Called for each message: returns an error to throw instead of keeping the message, or null. Default: nothing fails.
   */
  readonly fail?: (message: OutboundMessage) => TransportError | null
  /** Reads requests to the webhook `/webhooks/capture/{account_id}`. Default: there is no webhook. */
  readonly receipts?: ReceiptReader
  /** Time of the messages. Default: `systemClock`. */
  readonly clock?: Pick<Clock, 'now'>
}

/** A message that was captured, and when. */
export type CapturedMessage = OutboundMessage & { readonly at: Date }

/** A transport that keeps its messages. */
export interface CaptureTransport extends Transport {
  /** The messages accepted so far, in order. Always the same array: it grows, and `clear` empties it. */
  readonly sent: readonly CapturedMessage[]
  /** Empties `sent`. */
  clear(): void
}

/** The `capture` transport: keeps messages in memory instead of sending them, for tests. Every channel, no account. */
export function capture({ fail, receipts, clock = systemClock }: CaptureOptions = {}): CaptureTransport {
  const sent: CapturedMessage[] = []
  return {
    name: 'capture',
    channels,
    needsAccount: false,
    concurrency: 1000,
    ...(receipts === undefined ? {} : { receipt: receipts, receivesReplies: true }),
    sent,
    clear() {
      sent.length = 0
    },
    async send(message, { signal }) {
      if (signal.aborted) {
        throw new TransportError('Sending was aborted before it began.', {
          outcome: 'transient',
          code: 'capture_aborted',
        })
      }
      const error = fail?.(message) ?? null
      if (error !== null) throw error
      sent.push({ at: clock.now(), ...message })
      return { messageId: message.idempotencyKey }
    },
  }
}
