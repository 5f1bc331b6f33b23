import { isNotificationError, NotificationError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import { faultOf, framesOf } from '../services/shared/fault-log.ts'
import { withTimeout } from '../services/shared/with-timeout.ts'
import { type BodyForm, type RequestBody, readJsonBody, readRawBody } from './body.ts'
import { Content } from './content.ts'
import type { Call, Route } from './define-route.ts'
import { readForm } from './form.ts'
import type { Idempotency } from './idempotency.ts'
import { type Identify, isLogged } from './identify.ts'
import { createMatcher, type Match } from './match.ts'
import type { HttpRequest, HttpResponse } from './messages.ts'
import type { RequireOrigin } from './origins.ts'
import { type Problem, problemOf } from './problem.ts'
import type { RateLimiter } from './rate-limit.ts'
import { refusal } from './snake-case.ts'

export type HandlerOptions = {
  readonly table: readonly Route[]
  readonly identify: Identify
  readonly requireOrigin: RequireOrigin
  /** Throws `token_invalid`. */
  readonly requireToken: (token: string, ...rest: Parameters<Call['requireToken']>) => void
  /** Null: no limits. */
  readonly rateLimiter: RateLimiter | null
  readonly idempotency: Idempotency
  readonly logger: Logger
  readonly clock: Clock
}

/** Handles requests by the endpoint table. Responses are complete before anything is written, and it never rejects. */
export function createHandler(options: HandlerOptions): (request: HttpRequest) => Promise<HttpResponse> {
  const { table, logger } = options
  const match = createMatcher(table)

  return async (request) => {
    const isHead = request.method === 'HEAD'
    let route: Route | undefined
    const headers: Headers = {}
    try {
      const found = match(request.path)
      if (found === null) throw new NotificationError('not_found', noEndpoint(request.path))
      if (request.method === 'OPTIONS') return { status: 204, headers: { allow: allowedBy(found) }, body: null }
      route = found.rows.get(isHead ? 'GET' : request.method)
      if (route === undefined) return respondNotAllowed(found, isHead)
      const setHeaders = (more: Readonly<Headers>) => void Object.assign(headers, more)
      const { status, body } = await route.answer(callOf(request, found, options, setHeaders))
      return respond(status, jsonType, body, isHead, headers)
    } catch (error) {
      const problem = route?.problem(error) ?? problemOf(error, new Map())
      if (problem.status >= 500 && !isLogged(error)) logFault(logger, route, error)
      const shown = (await route?.problemPage?.(problem.status, request.headers)) ?? problem
      return respond(problem.status, problemType, shown, isHead, { ...headersOf(problem), ...headers })
    }
  }
}

/** Shows the path that was looked up, so that a wrong mount point is easy to see. */
const noEndpoint = (path: string): string =>
  `There is no endpoint at ${path.length > longestPath ? `${path.slice(0, longestPath)}…` : path} below the mount point.`
const longestPath = 200

/** `setHeaders` adds headers to the response, whether it succeeds or fails. */
function callOf(
  request: HttpRequest,
  found: Match<Route>,
  options: HandlerOptions,
  setHeaders: (headers: Readonly<Headers>) => void,
): Call {
  return {
    path: request.path,
    received: { headers: request.headers, query: request.query },
    params: found.params,
    query: () => readQuery(request.query),
    readBody: (form) => readBody(request, form, options.clock),
    identify: () => options.identify(request),
    requireOrigin: () => options.requireOrigin(request),
    admitLink: async (token) => options.rateLimiter?.admitLink(token, request.sender ?? null, setHeaders),
    missLink: async () => options.rateLimiter?.missLink(request.sender ?? null),
    admit: async (rateClass, caller) => options.rateLimiter?.admit(rateClass, caller, setHeaders),
    once: (asked, run) => options.idempotency.once(request.headers['idempotency-key'], asked, run, setHeaders),
    requireToken: (purpose, id) => options.requireToken(readQuery(request.query)['token'] ?? '', purpose, id),
  }
}

/** How long the body of a webhook may take to arrive: nobody vouches for whoever sends it. */
const bodyWithinMs = 10_000

function readBody(request: HttpRequest, form: BodyForm, clock: Clock): Promise<RequestBody> {
  if (form.kind === 'json') return readJsonBody(request, form)
  const read = form.kind === 'form' ? readForm(request, form) : readRawBody(request, form)
  return withTimeout(clock, bodyWithinMs, read, (): never => {
    throw new NotificationError('bad_request', `The body did not arrive within ${bodyWithinMs} ms.`)
  })
}

/** More than any endpoint has: each unknown one is listed with a message, which thousands should not cost. */
const maxParameters = 100

/**
 * The parameters of a query. The row's schema checks them; only what it cannot see is checked here.
 * @throws NotificationError `invalid_input` for a parameter given twice, since it is ambiguous, and for too many of them.
 */
function readQuery(query: string): Readonly<Record<string, string>> {
  if (query === '') return {}
  const params = new URLSearchParams(query)
  const seen = new Set<string>()
  for (const name of params.keys()) {
    if (seen.has(name)) throw refusal([{ field: name, message: 'is given more than once' }])
    seen.add(name)
    if (seen.size > maxParameters)
      throw refusal([{ field: 'query', message: `has more than ${maxParameters} parameters` }])
  }
  return Object.fromEntries(params)
}

type Headers = Record<string, string>

const jsonType = 'application/json; charset=utf-8'
const problemType = 'application/problem+json; charset=utf-8'

function respond(
  status: number,
  type: string,
  value: unknown,
  isHead: boolean,
  more: Readonly<Headers> = {},
): HttpResponse {
  const content = value instanceof Content ? value : new Content(type, JSON.stringify(value), {})
  const headers = {
    'content-type': content.type,
    'content-length': String(Buffer.byteLength(content.text)),
    // Personal data must not stay in a shared cache.
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...content.headers,
    ...more,
  }
  return { status, headers, body: isHead ? null : content.text }
}

function respondNotAllowed(found: Match<Route>, isHead: boolean): HttpResponse {
  const allow = allowedBy(found)
  const error = new NotificationError('method_not_allowed', `This path supports ${allow}.`)
  return respond(405, problemType, problemOf(error, new Map()), isHead, { allow })
}

function allowedBy({ rows }: Match<Route>): string {
  const methods = [...rows.keys()]
  return [...methods, ...(rows.has('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
}

function headersOf({ status, code }: Problem): Readonly<Headers> {
  if (status === 401)
    return { 'www-authenticate': code === 'token_invalid' ? 'Bearer error="invalid_token"' : 'Bearer' }
  return status === 503 || code === 'request_in_progress' ? { 'retry-after': '1' } : {}
}

/** Logs the fault without personal data: our own messages hold none; of foreign errors only the name and the frames are logged. */
function logFault(logger: Logger, route: Route | undefined, error: unknown): void {
  const cause = error instanceof Error ? error.cause : undefined
  logger.error('request failed', {
    route: route?.id ?? null,
    code: isNotificationError(error) ? error.code : 'internal_error',
    fault: faultOf(error),
    at: framesOf(error),
    ...(cause === undefined ? {} : { cause: faultOf(cause), causeAt: framesOf(cause) }),
  })
}
