import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { MailMessage, SMTPPoolOptions, SMTPPoolSentMessageInfo, Transporter } from 'nodemailer'
import type { SendReceipt, TransportError } from '../../../src/index.ts'
import type { Stage } from './answers.ts'
import type { ConnectionPlan } from './connection.ts'
import type { Dial } from './dial.ts'
import { failureOf, orAborted, stageOf } from './failures.ts'
import { type Mail, written } from './message.ts'
import type { Nodemailer } from './nodemailer.ts'

/**
 * One connection at a time to one server, and what is known of its dialogue: nodemailer signs in, sends and reuses it,
 * while the session dials, holds every answer to its time, and knows how far a message came when something breaks.
 */
export class SmtpSession {
  readonly #nodemailer: Nodemailer
  readonly #plan: ConnectionPlan
  readonly #dial: Dial
  readonly #transport: Transporter<SMTPPoolSentMessageInfo, SMTPPoolOptions>
  #socket: Socket | null = null
  #signal = new AbortController().signal
  /** Of the message in hand; more than one where nodemailer moved an unread message to another connection. */
  #streams: Readable[] = []
  /** What the server has not answered yet, the first is next; null: a command of no message. */
  #awaiting: (Stage | null)[] = []
  /** What it answered last. */
  #answered: Stage | null = null
  #timer: NodeJS.Timeout | undefined
  #timedOut = false
  #isReady = false

  constructor(nodemailer: Nodemailer, plan: ConnectionPlan, dial: Dial) {
    this.#nodemailer = nodemailer
    this.#plan = plan
    this.#dial = dial
    this.#transport = nodemailer.createTransport({
      ...plan.nodemailer,
      ...this.#hooks(),
      pool: true,
      maxConnections: 1,
    })
    this.#transport.use('stream', (mail, done) => {
      this.#watch(mail)
      done()
    })
  }

  /** Signed in, and not closed since. */
  get isReady(): boolean {
    return this.#isReady && this.#socket?.destroyed === false
  }

  /** One message at a time. @throws TransportError */
  async send(mail: Mail, signal: AbortSignal): Promise<SendReceipt> {
    this.#begin(signal)
    try {
      const raw = written(this.#nodemailer, mail)
      const { messageId } = await this.#transport.sendMail({ ...mail.options, raw, signal })
      return { messageId }
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** Connects and signs in on a connection of its own. @throws TransportError */
  async verify(signal: AbortSignal): Promise<void> {
    this.#begin(signal)
    try {
      await orAborted(signal, this.#transport.verify())
    } catch (error) {
      this.#socket?.destroy()
      throw this.#failure(error)
    }
  }

  close(): void {
    this.#transport.close()
  }

  /** What nodemailer reports to the session. */
  #hooks(): SMTPPoolOptions {
    const secured = this.#plan.route.tls !== null
    return {
      getSocket: (_options, done) => {
        this.#dial(this.#signal).then(
          (connection) => {
            this.#connected(connection)
            done(null, { connection, secured })
          },
          (error: Error) => done(error),
        )
      },
      // The way to learn of each command and answer. What they hold stays here.
      transactionLog: true,
      logger: {
        debug: (entry: unknown, line: unknown) => this.#heard(entry, line),
        info: (entry: unknown) => this.#heard(entry, null),
      },
      // Chosen only where the server offers nothing that takes a password.
      customAuth: { XOAUTH2: ({ reject }) => reject(new Error('only XOAUTH2 is offered')) },
    }
  }

  // Whether a message was begun decides between "not sent" and "unknown" when a connection is lost, and no error of
  // nodemailer tells. Its content is read only after the server asked for it (354), so the stream knows.
  #watch({ data, message }: MailMessage): void {
    const create = message.createReadStream.bind(message)
    message.createReadStream = (options) => {
      this.#isReady = true
      const stream = data.dkim === undefined && Buffer.isBuffer(data.raw) ? inOnePiece(data.raw) : create(options)
      this.#streams.push(stream)
      return stream
    }
  }

  #begin(signal: AbortSignal): void {
    this.#signal = signal
    this.#streams = []
    this.#answered = null
    this.#timedOut = false
  }

  #connected(socket: Socket): void {
    this.#socket = socket
    this.#awaiting = []
    this.#answered = null
    this.#timedOut = false
    this.#isReady = false
    socket.once('close', () => {
      if (this.#socket === socket) clearTimeout(this.#timer)
    })
  }

  #heard(entry: unknown, line: unknown): void {
    const kind: unknown = typeof entry === 'object' && entry !== null ? Reflect.get(entry, 'tnx') : null
    const { commandTimeoutMs, dataTimeoutMs } = this.#plan
    if (kind === 'client') {
      const command = String(line)
      // Lines that begin with no command continue AUTH.
      this.#awaiting.push(/^(?:RSET|QUIT)$/.test(command) ? null : (stageOf(command) ?? 'auth'))
      this.#limit(commandTimeoutMs)
    } else if (kind === 'message') {
      // The content and its final dot were written.
      this.#awaiting.push('data')
      this.#limit(dataTimeoutMs)
    } else if (kind === 'server') {
      this.#answered = this.#awaiting.shift() ?? null
      this.#limit(this.#awaiting.length > 0 ? commandTimeoutMs : null)
    }
  }

  #limit(ms: number | null): void {
    clearTimeout(this.#timer)
    if (ms === null) return
    this.#timer = setTimeout(() => {
      this.#timedOut = true
      this.#socket?.destroy()
    }, ms).unref()
  }

  #failure(error: unknown): TransportError {
    const answered = this.#answered
    const awaiting = this.#awaiting[0] ?? answered
    return failureOf(error, {
      begun: this.#streams.some((stream) => stream.readableDidRead),
      aborted: this.#signal.aborted,
      timedOut: this.#timedOut,
      ...(awaiting !== null && { awaiting }),
      ...(answered !== null && { answered }),
    })
  }
}

/** Without the streams by which nodemailer would lead it to its signature. */
const inOnePiece = (mail: Buffer): Readable =>
  new Readable({
    read() {
      this.push(mail)
      this.push(null)
    },
  })
