/**
 * Prints messages instead of sending them, for development.
 * @example
 * createNotifications({ transports: [consoleTransport()], ... })
 */
import { channels } from '../../src/channels/names.ts'
import { TransportError } from '../../src/errors.ts'
import type { OutboundMessage, Transport } from '../../src/index.ts'

/** Options of `consoleTransport()`. */
export type ConsoleOptions = {
  /** True: prints the whole address, subject and text, which are health data; for development only. Default false. */
  readonly showContent?: boolean
  /** Receives the text, including line breaks. Default: standard output. */
  readonly write?: (text: string) => void
}

/**
 * The `console` transport: prints messages instead of sending them, one line each with a masked address. Every channel, no
 * account.
 */
export function consoleTransport(options: ConsoleOptions = {}): Transport {
  const { showContent = false, write = (text) => void process.stdout.write(text) } = options
  return {
    name: 'console',
    channels,
    needsAccount: false,
    async send(message, { signal }) {
      if (signal.aborted) {
        throw new TransportError('Sending was aborted before it began.', {
          outcome: 'transient',
          code: 'console_aborted',
        })
      }
      write(
        showContent
          ? `${summary(message, message.to)}\n${content(message)}\n`
          : `${summary(message, mask(message.to))}\n`,
      )
      return { messageId: message.idempotencyKey }
    },
  }
}

const summary = ({ channel, category, idempotencyKey }: OutboundMessage, to: string): string =>
  oneLine(`${channel} ${category} to ${to} (${idempotencyKey})`)

function content({ subject, text }: OutboundMessage): string {
  const lines = subject === null ? text : `${oneLine(subject)}\n\n${text}`
  // A terminal obeys control characters; a message may hold what somebody typed into a form.
  return lines.replace(/[^\P{Cc}\n\t]/gu, '').replace(/^/gm, '    ')
}

/** `a***@example.org`; `+1***67`. */
function mask(address: string): string {
  const at = address.lastIndexOf('@')
  if (at > 0) return `${Array.from(address)[0]}***${address.slice(at)}`
  return address.length > 6 ? `${address.slice(0, 2)}***${address.slice(-2)}` : '***'
}

const oneLine = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
