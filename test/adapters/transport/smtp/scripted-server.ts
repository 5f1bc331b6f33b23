import { createServer, type Socket } from 'node:net'

/** A reply line without its line end; `drop` ends the connection; `silence` says nothing; a text ending in `\0` is sent unterminated, then the connection dropped. */
export type Script = (command: string) => string | 'drop' | 'silence' | undefined

const usual: Record<string, string> = {
  CONNECT: '220 scripted',
  EHLO: '250 scripted',
  DATA: '354 go ahead',
  '.': '250 accepted',
  QUIT: '221 bye',
}

export type ScriptedServer = {
  readonly port: number
  /** First words of what the client said; `.` stands for a whole message. */
  readonly heard: readonly string[]
  close(): Promise<void>
}

/** For faults that smtp-server cannot make. Asked for each command by its first word, `CONNECT` and `.` included. */
export async function startScriptedServer(script: Script): Promise<ScriptedServer> {
  const sockets = new Set<Socket>()
  const heard: string[] = []

  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    let inMessage = false
    let rest = ''
    const answer = (command: string) => {
      heard.push(command)
      const reply = script(command) ?? usual[command] ?? '250 ok'
      if (reply === 'drop') socket.destroy()
      else if (reply.endsWith('\0')) socket.end(reply.slice(0, -1))
      else if (reply !== 'silence') socket.write(`${reply}\r\n`)
      if (command === 'DATA' && reply.startsWith('354')) inMessage = true
    }
    socket.on('data', (chunk) => {
      rest += chunk.toString('latin1')
      for (;;) {
        const end = rest.indexOf(inMessage ? '\r\n.\r\n' : '\r\n')
        if (end < 0) return
        const line = inMessage ? '.' : rest.slice(0, end)
        rest = rest.slice(end + (inMessage ? 5 : 2))
        inMessage = false
        answer(line.split(' ')[0]?.toUpperCase() ?? '')
      }
    })
    answer('CONNECT')
  })

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    heard,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
