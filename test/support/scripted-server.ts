/** A real HTTP server on the loopback interface that answers as the test says, and keeps what it was asked. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { text as readText } from 'node:stream/consumers'

export type Asked = {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** An answer, the connection dropped, dropped in the middle of an answer, or no answer ever. */
export type Reply =
  | {
      readonly status: number
      readonly json?: unknown
      readonly text?: string
      readonly headers?: Record<string, string>
    }
  | 'drop'
  | 'drop-answer'
  | 'silent'

export type ScriptedServer = {
  readonly url: string
  readonly asked: readonly Asked[]
  /** What is replied next, in order; the last one for good. */
  replies: Reply[]
  /** Listens no more: connections are refused until `reopen`. */
  shut(): Promise<void>
  reopen(): Promise<void>
}

export async function startScriptedServer(...replies: Reply[]): Promise<ScriptedServer> {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request
    asked.push({ method, path: url, headers, body: await readText(request) })
    answer(response, (script.replies.length > 1 ? script.replies.shift() : script.replies[0]) ?? 'drop')
  })
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const script: ScriptedServer = {
    url: `http://127.0.0.1:${port}`,
    asked,
    replies,
    shut: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
    reopen: () => listen(port),
  }
  return script
}

function answer(response: ServerResponse, reply: Reply): void {
  if (reply === 'silent') return
  if (reply === 'drop') return void response.destroy()
  if (reply === 'drop-answer') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 500 })
    return void response.write('{"id": 1', () => response.destroy())
  }
  const { status, json, text = json === undefined ? '' : JSON.stringify(json), headers = {} } = reply
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
}
