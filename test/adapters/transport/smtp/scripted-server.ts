import { createServer, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { certificate, privateKey } from '../../../support/smtp-certificate.ts'

/**
 * What it does about a command: a reply line without its line end; `drop` ends the connection; `silence` says nothing;
 * a text ending in `\0` is sent unterminated, then the connection dropped; undefined is the usual reply.
 */
export type Reaction = string | 'drop' | 'silence' | undefined
/** Asked for each command by its first word, `CONNECT` and `.` included, and the number of its connection from 1. */
export type Script = (command: string, connection: number) => Reaction | Promise<Reaction>

export type ScriptedServerOptions = {
  /** `starttls` offers it, `implicit` starts with it; both with the certificate of smtp-certificate.ts. Default none. */
  readonly tls?: 'starttls' | 'implicit'
  /** What EHLO offers, beside STARTTLS. Default none. */
  readonly extensions?: readonly string[]
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Default: a free one. */
  readonly port?: number
}

export type ScriptedServer = {
  readonly port: number
  /** First words of what the client said; `.` stands for a whole message. */
  readonly heard: readonly string[]
  /** Whole command lines. */
  readonly lines: readonly string[]
  /** How many messages it confirmed. */
  readonly accepted: number
  readonly connections: number
  close(): Promise<void>
}

const usual: Record<string, string> = {
  CONNECT: '220 scripted',
  STARTTLS: '220 go ahead',
  AUTH: '235 welcome',
  DATA: '354 go ahead',
  '.': '250 accepted',
  QUIT: '221 bye',
}

/** For faults that smtp-server cannot make, at every verb. */
export async function startScriptedServer(
  script: Script,
  { tls, extensions = [], host = '127.0.0.1', port = 0 }: ScriptedServerOptions = {},
): Promise<ScriptedServer> {
  const sockets = new Set<Socket>()
  const heard: string[] = []
  const lines: string[] = []
  let accepted = 0
  let connections = 0
  const secured = (socket: Socket) => new TLSSocket(socket, { isServer: true, cert: certificate, key: privateKey })

  function converse(socket: Socket, connection: number, isSecure: boolean): Promise<void> {
    let inMessage = false
    let hasRecipient = false
    /** It says nothing more. */
    let isDone = false
    let rest = ''
    /** Commands are answered one after the other, also those that came together. */
    let answered = Promise.resolve()
    const offers = ['scripted', ...(tls === 'starttls' && !isSecure ? ['STARTTLS'] : []), ...extensions]
    const hello = offers.map((line, index) => `250${index < offers.length - 1 ? '-' : ' '}${line}`).join('\r\n')

    function usualReply(command: string): string {
      if (command === 'EHLO') return hello
      if (command === 'DATA' && !hasRecipient) return '554 5.5.1 no recipients'
      return usual[command] ?? '250 ok'
    }

    async function answer(command: string): Promise<void> {
      if (isDone) return
      heard.push(command)
      const reply = (await script(command, connection)) ?? usualReply(command)
      isDone = reply === 'drop' || reply === 'silence' || reply.endsWith('\0')
      if (reply === 'drop') socket.destroy()
      else if (reply.endsWith('\0')) socket.end(reply.slice(0, -1))
      else if (reply !== 'silence') socket.write(`${reply}\r\n`)
      if (command === 'MAIL') hasRecipient = false
      if (command === 'RCPT') hasRecipient ||= reply.startsWith('2')
      if (command === 'DATA' && reply.startsWith('354')) inMessage = true
      if (command === '.' && reply.startsWith('2')) accepted += 1
      if (command === 'STARTTLS' && reply.startsWith('220')) {
        socket.off('data', hear)
        void converse(secured(socket), connection, true)
      }
    }

    async function hearAll(): Promise<void> {
      for (;;) {
        const end = rest.indexOf(inMessage ? '\r\n.\r\n' : '\r\n')
        if (end < 0) return
        const line = inMessage ? '.' : rest.slice(0, end)
        rest = rest.slice(end + (inMessage ? 5 : 2))
        inMessage = false
        lines.push(line)
        await answer(line.split(' ')[0]?.toUpperCase() ?? '')
      }
    }

    function hear(chunk: Buffer): void {
      rest += chunk.toString('latin1')
      answered = answered.then(hearAll)
    }
    socket.on('data', hear)
    socket.on('error', () => {})
    return isSecure && tls === 'starttls' ? Promise.resolve() : answer('CONNECT')
  }

  const server = createServer((socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    void converse(tls === 'implicit' ? secured(socket) : socket, connections, tls === 'implicit')
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    heard,
    lines,
    get accepted() {
      return accepted
    },
    get connections() {
      return connections
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
