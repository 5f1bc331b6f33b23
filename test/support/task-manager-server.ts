/**
 * TaskManager's contract on the loopback interface, in memory, as a test wants it: nothing runs by itself, and it misbehaves
 * when told to. The stand-in that really sends is examples/task-manager.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { z } from 'zod'

const body = z.object({
  name: z.string(),
  description: z.string(),
  task_type: z.string(),
  payload: z.record(z.string(), z.unknown()),
  scheduled_time: z.string(),
  callback_url: z.string(),
  max_retries: z.int(),
})
type TaskBody = z.infer<typeof body>
export type HeldTask = TaskBody & {
  readonly id: number
  readonly key: string | undefined
  /** Its creation as it arrived. */
  readonly created: TaskBody
  status: 'pending' | 'running' | 'completed' | 'failed' | 'cancelled'
  attempts: number
  retries_left: number
  result: object | null
  error: string | null
}

/** `lost`: it acts, and its answer does not arrive. */
export type TaskManagerFault = { readonly status: number } | 'drop' | 'lost' | null

export type TaskManagerServer = {
  readonly url: string
  /** In the order of creation; a living array. */
  readonly tasks: HeldTask[]
  /** `POST /api/tasks`, with their number. */
  readonly asked: string[]
  fault: TaskManagerFault
  /** Connections are refused until `reopen`. */
  shut(): Promise<void>
  reopen(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export async function startTaskManagerServer(): Promise<TaskManagerServer> {
  const tasks: HeldTask[] = []
  const asked: string[] = []
  const server = createServer((request, response) => void handle(request, response))

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    const given = method === 'POST' || method === 'PUT' ? await json(request) : undefined
    asked.push(`${method} ${url}`)
    const fault = url === '/health' && held.fault === 'lost' ? null : held.fault
    if (fault === 'drop') return void request.socket.destroy()
    if (fault !== null && fault !== 'lost') return void response.writeHead(fault.status).end('{}')
    const answer = act(method, url, given, request.headers['idempotency-key'])
    if (fault === 'lost') return void request.socket.destroy()
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.json))
  }

  function act(method: string, url: string, given: unknown, key: unknown): { status: number; json: unknown } {
    if (url === '/health') return { status: 200, json: {} }
    if (method === 'POST') {
      const draft = body.parse(given)
      const known = tasks.find((task) => task.key !== undefined && task.key === key)
      if (known !== undefined) {
        const isSame = JSON.stringify(known.created) === JSON.stringify(draft)
        return isSame ? { status: 200, json: known } : { status: 422, json: { code: 'idempotency_key_reused' } }
      }
      const open = { status: 'pending', attempts: 0, retries_left: 4, result: null, error: null } as const
      const task = { id: tasks.length + 1, key: String(key), created: draft, ...draft, ...open }
      tasks.push(task)
      return { status: 201, json: task }
    }
    const task = tasks.find(({ id }) => url === `/api/tasks/${id}`)
    if (task === undefined) return { status: 404, json: { code: 'task_not_found' } }
    if (method === 'GET') return { status: 200, json: task }
    if (task.status !== 'pending' && !(method === 'DELETE' && task.status === 'cancelled')) {
      return { status: 409, json: { code: `task_${task.status}` } }
    }
    if (method === 'PUT') Object.assign(task, body.partial().parse(given))
    if (method === 'DELETE') task.status = 'cancelled'
    return { status: 200, json: task }
  }

  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const shut = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  const held: TaskManagerServer = {
    url: `http://127.0.0.1:${port}`,
    tasks,
    asked,
    fault: null,
    shut,
    reopen: () => listen(port),
    [Symbol.asyncDispose]: async () => {
      if (server.listening) await shut()
    },
  }
  return held
}
