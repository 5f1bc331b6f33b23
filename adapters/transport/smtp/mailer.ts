import type { Readable } from 'node:stream'
import type { SendMailOptions, SMTPPoolOptions } from 'nodemailer'
import { NotificationError, type SendReceipt } from '../../../src/index.ts'
import { failureOf, orAborted } from './failures.ts'

/** A pool of connections to one server, signed in with one account. Failures are `TransportError`s. */
export type Mailer = {
  send(mail: SendMailOptions, signal: AbortSignal): Promise<SendReceipt>
  /** Connects and signs in on a connection of its own. */
  verify(signal: AbortSignal): Promise<void>
  /** Sends in progress finish first. */
  close(): void
}

/** A field of ours that travels through nodemailer with the message. */
type Observed = { readonly onStream?: (stream: Readable) => void }

/** @throws NotificationError `dependency_missing` when nodemailer is not installed. */
export async function openMailer(options: SMTPPoolOptions): Promise<Mailer> {
  const { createTransport } = await loadNodemailer()
  const pool = createTransport({ ...options, pool: true })

  // Whether a message was begun decides between "not sent" and "unknown" when a connection is lost, and no error of
  // nodemailer tells. Its content is read only after the server asked for it (354), so the stream knows.
  pool.use('stream', (mail, done) => {
    const observed: typeof mail.data & Observed = mail.data
    const create = mail.message.createReadStream.bind(mail.message)
    mail.message.createReadStream = (streamOptions) => {
      const stream = create(streamOptions)
      observed.onStream?.(stream)
      return stream
    }
    done()
  })

  return {
    async send(mail, signal) {
      /** More than one where nodemailer moved an unread message to another connection. */
      const streams: Readable[] = []
      const observed: SendMailOptions & Observed = { ...mail, signal, onStream: (stream) => streams.push(stream) }
      try {
        const { messageId } = await pool.sendMail(observed)
        return { messageId }
      } catch (error) {
        throw failureOf(error, { begun: streams.some((stream) => stream.readableDidRead), aborted: signal.aborted })
      }
    },

    async verify(signal) {
      try {
        await orAborted(signal, pool.verify())
      } catch (error) {
        throw failureOf(error, { begun: false, aborted: false })
      }
    },

    close: () => pool.close(),
  }
}

async function loadNodemailer(): Promise<typeof import('nodemailer')> {
  try {
    return await import('nodemailer')
  } catch (cause) {
    throw new NotificationError('dependency_missing', 'The smtp transport needs a package: npm install nodemailer', {
      cause,
    })
  }
}
