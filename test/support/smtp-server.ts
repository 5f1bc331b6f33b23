/** A real SMTP server on the loopback interface that keeps what it gets and misbehaves when told to. */
import type { AddressInfo, Socket } from 'node:net'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { certificate, privateKey } from './smtp-certificate.ts'

export type ReceivedMail = {
  /** The envelope, not the headers. */
  readonly from: string
  readonly to: readonly string[]
  /** With its angle brackets. */
  readonly messageId: string | null
  readonly raw: string
  /** These are null with `parse: false`. */
  readonly subject: string | null
  readonly text: string | null
  readonly html: string | null
  readonly parsed: ParsedMail | null
}

/**
 * Where it misbehaves. `connect`: before the greeting. `data`: after the content, which is not kept. `accepted`: the
 * message is kept and the confirmation withheld.
 */
export type FaultStage = 'connect' | 'auth' | 'mail' | 'rcpt' | 'data' | 'accepted'
/** A reply to give, or the connection dropped, or no reply ever. */
export type Fault = { readonly at: FaultStage; readonly how: { code: number; text?: string } | 'drop' | 'silent' }

export type SmtpServerSettings = {
  /** False keeps only the envelope, the raw text and the Message-ID. Default true. */
  readonly parse?: boolean
  /** Called, and awaited, before the confirmation. */
  readonly onMail?: (mail: ReceivedMail) => unknown
  /** What the client must sign in with. Default: anybody may send. */
  readonly credentials?: { readonly username: string; readonly password: string }
  /** `starttls` offers it, `implicit` starts with it; both with the certificate of smtp-certificate.ts. Default none. */
  readonly tls?: 'starttls' | 'implicit'
  /** Default: a free one. */
  readonly port?: number
  readonly fault?: Fault | null
}

export type SmtpTestServer = {
  readonly port: number
  /** In order of arrival; a living array. */
  readonly mails: readonly ReceivedMail[]
  readonly connections: {
    /** Since the start. */
    readonly total: number
    readonly open: number
  }
  /** Names that clients asked for by SNI. */
  readonly servernames: readonly string[]
  /** May be changed at any time. */
  fault: Fault | null
  /** Resolves when no connection is open. */
  idle(): Promise<void>
  /** Drops every open connection. */
  dropAll(): void
  close(): Promise<void>
}

export async function startSmtpServer(settings: SmtpServerSettings = {}): Promise<SmtpTestServer> {
  const { parse = true, onMail, credentials, tls } = settings
  const mails: ReceivedMail[] = []
  const sockets = new Map<number, Socket>()
  const servernames: string[] = []
  let total = 0
  let fault = settings.fault ?? null
  let whenIdle: (() => void)[] = []

  /** Does the fault of a stage, or `next`. */
  function at(stage: FaultStage, port: number, fail: (error: Error) => void, next: () => void): void {
    const how = fault?.at === stage ? fault.how : null
    if (how === null) next()
    else if (how === 'drop') sockets.get(port)?.destroy()
    else if (how !== 'silent') fail(Object.assign(new Error(how.text ?? 'told to fail'), { responseCode: how.code }))
  }

  const disabled = [...(tls === 'starttls' ? [] : ['STARTTLS']), ...(credentials ? [] : ['AUTH'])]
  const options: SMTPServerOptions = {
    secure: tls === 'implicit',
    cert: certificate,
    key: privateKey,
    disabledCommands: disabled,
    authOptional: credentials === undefined,
    allowInsecureAuth: true,
    disableReverseLookup: true,
    closeTimeout: 50,
    onConnect: ({ remotePort }, done) => at('connect', remotePort, done, done),
    SNICallback(name, done) {
      if (!servernames.includes(name)) servernames.push(name)
      done(null)
    },
    onAuth({ username, password }, { remotePort }, done) {
      at('auth', remotePort, done, () => {
        const right = username === credentials?.username && password === credentials?.password
        if (right) done(null, { user: username })
        else done(Object.assign(new Error('Authentication failed'), { responseCode: 535 }))
      })
    },
    onMailFrom: (_address, { remotePort }, done) => at('mail', remotePort, done, done),
    onRcptTo: (_address, { remotePort }, done) => at('rcpt', remotePort, done, done),
    onData(stream, { envelope, remotePort }, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.once('end', () => {
        at('data', remotePort, done, async () => {
          const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
          const to = envelope.rcptTo.map(({ address }) => address)
          const mail = await received(Buffer.concat(chunks), from, to, parse)
          mails.push(mail)
          await onMail?.(mail)
          at('accepted', remotePort, done, () => done())
        })
      })
    },
  }

  const server = new SMTPServer(options)
  // Clients that vanish in mid-dialogue are what the tests are about.
  server.on('error', () => {})
  server.server.on('connection', (socket: Socket) => {
    const port = socket.remotePort ?? 0
    total += 1
    sockets.set(port, socket)
    socket.once('close', () => {
      sockets.delete(port)
      if (sockets.size > 0) return
      for (const resolve of whenIdle) resolve()
      whenIdle = []
    })
  })
  await new Promise<void>((resolve) => server.listen(settings.port ?? 0, '127.0.0.1', resolve))

  return {
    port: portOf(server.server.address()),
    mails,
    connections: {
      get total() {
        return total
      },
      get open() {
        return sockets.size
      },
    },
    servernames,
    get fault() {
      return fault
    },
    set fault(next) {
      fault = next
    },
    idle: () => new Promise((resolve) => (sockets.size === 0 ? resolve() : whenIdle.push(resolve))),
    dropAll() {
      for (const socket of sockets.values()) socket.destroy()
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets.values()) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

async function received(raw: Buffer, from: string, to: readonly string[], parse: boolean): Promise<ReceivedMail> {
  const text = raw.toString('latin1')
  const messageId = /^message-id:\s*(<[^>]*>)/im.exec(text)?.[1] ?? null
  const parsed = parse ? await simpleParser(raw) : null
  const html = parsed?.html || null
  return { from, to, messageId, raw: text, subject: parsed?.subject ?? null, text: parsed?.text ?? null, html, parsed }
}

const portOf = (address: AddressInfo | string | null): number => {
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port')
  return address.port
}
