import { createHash, timingSafeEqual } from 'node:crypto'
import { json, type NextFunction, type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { changes, creation, draftOf, listQuery, taskOf } from './bodies.ts'
import type { TaskDatabase, TaskRow } from './database.ts'

export type RoutesOptions = {
  readonly database: TaskDatabase
  /** Null: anyone may call. */
  readonly token: string | null
  /** The domain of Message-IDs. */
  readonly domain: string
  /** Called when a task may be due earlier than any before. */
  readonly onChange: () => void
}

class Refusal extends Error {
  readonly status: number
  readonly body: object

  constructor(status: number, code: string, detail: unknown) {
    super(code)
    this.status = status
    this.body = { code, detail }
  }
}

/** The contract: the two documented bodies, and what a client needs besides. */
export function taskRoutes({ database, token, domain, onChange }: RoutesOptions): Router {
  const router = Router()
  const found = (request: Request): TaskRow => {
    const id = Number(request.params['id'])
    const task = Number.isSafeInteger(id) ? database.get(id) : undefined
    if (task === undefined) throw new Refusal(404, 'task_not_found', 'There is no such task')
    return task
  }
  const tooLate = ({ status }: TaskRow) => new Refusal(409, `task_${status}`, `The task is ${status}`)

  router.get('/health', (_request, response) => void response.json({ status: 'ok', ...database.counts() }))

  router.use('/api', (request, _response, next) => {
    if (token !== null && !isBearer(request.headers.authorization, token)) {
      throw new Refusal(401, 'unauthenticated', 'A bearer token is needed')
    }
    next()
  })
  router.use('/api', json({ limit: '256kb' }))

  router.post('/api/tasks', (request, response) => {
    const body = read(creation, request.body)
    const key = read(z.string().min(1).max(255).optional(), request.get('idempotency-key'), 'header') ?? null
    const digest = digestOf(JSON.stringify(body)).toString('base64url')
    const { task, isNew } = database.create(body, key, digest, domain, Date.now())
    if (task.body_digest !== digest) {
      throw new Refusal(422, 'idempotency_key_reused', 'The idempotency key stands for another task')
    }
    onChange()
    response.status(isNew ? 201 : 200).json(taskOf(task))
  })

  router.get('/api/tasks', (request, response) => {
    const { status, limit, cursor } = read(listQuery, request.query, 'query')
    const rows = database.list(cursor, status ?? null, limit)
    response.json({ tasks: rows.map(taskOf), next_cursor: rows.length < limit ? null : rows.at(-1)?.id })
  })

  router.get('/api/tasks/:id', (request, response) => void response.json(taskOf(found(request))))

  router.put('/api/tasks/:id', (request, response) => {
    const before = found(request)
    const body = read(creation, { ...draftOf(before), ...read(changes, request.body) })
    const task = database.change(before.id, body, Date.now())
    if (task === undefined) throw tooLate(found(request))
    onChange()
    response.json(taskOf(task))
  })

  router.delete('/api/tasks/:id', (request, response) => {
    const before = found(request)
    const task = before.status === 'cancelled' ? before : database.cancel(before.id, Date.now())
    if (task === undefined) throw tooLate(found(request))
    response.json(taskOf(task))
  })

  router.use(() => {
    throw new Refusal(404, 'not_found', 'Not Found')
  })
  router.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) return next(error)
    const { status, body } = error instanceof Refusal ? error : unreadable(error)
    response.status(status).json(body)
  })
  return router
}

/** Issues have the form used by FastAPI: `{ loc: ['body', 'scheduled_time'], msg }`. Values are not repeated. */
function read<T>(schema: z.ZodType<T>, input: unknown, place = 'body'): T {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const detail = result.error.issues.map(({ path, message }) => ({ loc: [place, ...path], msg: message }))
  throw new Refusal(422, 'validation_failed', detail)
}

/** A request that Express itself refused: invalid JSON, or a body that is too long. */
function unreadable(error: unknown): Refusal {
  const status = z.object({ status: z.int().min(400).max(499) }).safeParse(error).data?.status
  if (status !== undefined) return new Refusal(status, 'bad_request', 'The body cannot be read')
  console.error(error instanceof Error ? error.stack : 'unknown error')
  return new Refusal(500, 'internal_error', 'Something went wrong')
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()

function isBearer(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1]
  return given !== undefined && timingSafeEqual(digestOf(given), digestOf(token))
}
