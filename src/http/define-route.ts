import { z } from 'zod'
import { type ErrorCode, type FieldIssue, NotificationError } from '../errors.ts'
import type { TokenPurpose } from '../security/signed-token.ts'
import {
  type Access,
  type Caller,
  type Owner,
  organizationOf,
  requireKind,
  requireOwn,
  type StaffRole,
} from './access.ts'
import { type BodyForm, jsonBody, type RequestBody } from './body.ts'
import type { Content } from './content.ts'
import type { Answer, RepeatableRequest } from './idempotency.ts'
import type { HttpRequest } from './messages.ts'
import { type Problem, problemOf } from './problem.ts'
import type { RateClass } from './rate-limit-options.ts'
import { readWire, refusal, wireOf } from './snake-case.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** What a handler may return for a schema: the same type, read-only. */
export type Shown<T> = T extends Date
  ? T
  : T extends readonly (infer Element)[]
    ? readonly Shown<Element>[]
    : T extends object
      ? { readonly [Key in keyof T]: Shown<T[Key]> }
      : T

/** For rows that take no parameters, no query or no body. */
export const nothing = z.strictObject({})
/** For rows whose body is read as bytes. */
export const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array)

type Parsed<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> = {
  readonly params: z.output<Params>
  readonly query: z.output<Query>
  readonly body: z.output<Body>
}

type About = {
  /** Stable: identifies the row in logs, the API description and the tests. */
  readonly id: string
  readonly method: Method
  /** Below the mount point; `{parameter}` in wire names. */
  readonly path: `/${string}`
  readonly summary: string
  /** The error codes that are specific to the row. */
  readonly errors: readonly ErrorCode[]
  /** A valid request in wire names, for the description and the tests. */
  readonly example?: {
    readonly params?: Readonly<Record<string, string>>
    readonly query?: Readonly<Record<string, string>>
    readonly body?: unknown
  }
}

export type RouteDefinition<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Response extends z.ZodType,
  Target extends Owner,
> = About & {
  /** Schemas in the names of TypeScript; strict, so that unknown fields are refused. */
  readonly params: Params
  readonly query: Query
  /** `nothing`: no body is read. */
  readonly body: Body
  /** Default: JSON of up to 256 KiB. */
  readonly bodyForm?: BodyForm
  /** By status; the first is the default, `status` may choose another. */
  readonly responses: Readonly<Record<number, Response>>
  readonly status?: (output: Shown<z.input<Response>>) => number
  /** The rate limit that a request counts against. Default: `reading` for GET, `changing` for all others. */
  readonly rateClass?: RateClass
  /**
   * The row takes the header `If-Match` with the version that a change was made from; without one it is 428 where that is `required`.
   */
  readonly version?: 'required' | 'optional'
  /** Wire names for fields that services name differently in their errors. */
  readonly errorFields?: Readonly<Record<string, string>>
  readonly access: Access<z.output<Params>, Parsed<Params, Query, Body>, Target>
  /** Of a row for people with a browser: what they see in place of problem details. */
  readonly problemPage?: ProblemPage
  /** Takes parsed input and returns data. `caller` is null only where access is not for members. */
  readonly handler: (
    request: Parsed<Params, Query, Body> & {
      readonly caller: Caller | null
      readonly owner: Target
      /** As requested, below the mount point: relative links depend on its trailing slash. */
      readonly path: string
      /** The body as it arrived, for signatures over it. */
      readonly bytes: Uint8Array | null
      /** The rest of the request as it arrived. */
      readonly received: Received
      /** What is done under this key is done once; undefined if the row takes no key or none was sent. */
      readonly idempotencyKey: string | undefined
      /** Of `If-Match`; null: that there was none yet (`"0"`); undefined: none was sent. */
      readonly basedOn: number | null | undefined
    },
  ) => Promise<Shown<z.input<Response>>>
}

type ProblemPage = (status: number, headers: Received['headers']) => Promise<Content>
type Received = Pick<HttpRequest, 'headers' | 'query'>

/** What the router passes to a row: wire values, and functions for the rest of the request. */
export type Call = {
  readonly path: string
  readonly received: Received
  readonly params: Readonly<Record<string, string>>
  readonly query: () => Readonly<Record<string, string>>
  readonly readBody: (form: BodyForm) => Promise<RequestBody>
  /** Who calls; null if unknown. */
  readonly identify: () => Promise<Caller | null>
  /** @throws NotificationError `forbidden` for a page of another origin. */
  readonly requireOrigin: () => void
  /** Counts the request. @throws NotificationError `rate_limited`. */
  readonly admit: (rateClass: RateClass, caller: Caller) => Promise<void>
  /** Runs a request once for each `Idempotency-Key`. @throws as `Idempotency.once`. */
  readonly once: (
    request: RepeatableRequest,
    run: (idempotencyKey: string | undefined) => Promise<Answer>,
  ) => Promise<Answer>
  /** Counts a request by a link. @throws NotificationError `rate_limited`, also for whoever tried too many that are none. */
  readonly admitLink: (token: string) => Promise<void>
  /** Counts one that is none. */
  readonly missLink: () => Promise<void>
  /** @throws NotificationError `token_invalid`. */
  readonly requireToken: (purpose: TokenPurpose, id: number | string) => void
}

/** A row of the endpoint table, without the types of its schemas. */
export type Route = About & {
  readonly params: z.ZodType
  readonly query: z.ZodType
  readonly body: z.ZodType
  /** Null: no body is read. */
  readonly bodyForm: BodyForm | null
  readonly responses: Readonly<Record<number, z.ZodType>>
  /** Null: not limited, since the row has no known callers. */
  readonly rateClass: RateClass | null
  /** Whether the row takes the header `If-Match`. */
  readonly version?: 'required' | 'optional'
  /** True: the row creates or sends something, and takes the header `Idempotency-Key`. */
  readonly takesIdempotencyKey: boolean
  readonly access:
    | { readonly kind: 'open' }
    | { readonly kind: 'token'; readonly purpose: TokenPurpose }
    | { readonly kind: 'provider' }
    | { readonly kind: 'link' }
    | { readonly kind: 'members'; readonly staff: StaffRole | null; readonly self: boolean }
  /** Checks the caller, reads the request, runs the handler, and returns the status and the body in wire names. */
  readonly answer: (call: Call) => Promise<Answer>
  readonly problemPage?: ProblemPage
  /** The problem shown for an error, in the row's wire names. */
  readonly problem: (error: unknown) => Problem
}

/** The public part of a row, for descriptions, logs and tests. */
export type Endpoint = Omit<Route, 'answer' | 'problem' | 'problemPage'>

/** Defines the row of one endpoint. Its types and wire names are derived from its schemas. */
export function defineRoute<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Response extends z.ZodType,
  Target extends Owner,
>(definition: RouteDefinition<Params, Query, Body, Response, Target>): Route {
  const { handler, status, errorFields = {}, ...row } = definition
  const { access, params, query, body } = row
  const bodySchema: z.ZodType = body
  const bodyForm = bodySchema === nothing ? null : (row.bodyForm ?? jsonBody)
  const usualClass = row.method === 'GET' ? 'reading' : 'changing'
  const rateClass = access.kind === 'members' ? (row.rateClass ?? usualClass) : null
  // Rows that create or send something return 201; repeating any other request has no further effect.
  const takesIdempotencyKey = row.method === 'POST' && 201 in row.responses
  const wires = { params: wireOf(params), query: wireOf(query), body: wireOf(body) }
  const [[usual, response]] = firstOf(Object.entries(row.responses))
  const { encode } = wireOf(response)
  const names = new Map(Object.values(wires).flatMap((wire) => [...wire.names]))
  for (const [field, name] of Object.entries(errorFields)) names.set(field, name)

  const problem = (error: unknown) => problemOf(error, names)

  async function readCaller(call: Call): Promise<Caller | null> {
    if (access.kind === 'token' || access.kind === 'provider' || access.kind === 'link') return null
    // While `authenticate` fails, health still responds, as to an unknown caller.
    if (access.kind === 'open') return call.identify().catch(() => null)
    if (row.method !== 'GET') call.requireOrigin()
    const caller = await call.identify()
    if (caller === null) throw unauthenticated()
    requireKind(access, caller)
    // Before the body is read: a request beyond the limit costs neither that nor a directory lookup.
    if (rateClass !== null) await call.admit(rateClass, caller)
    return caller
  }

  async function read(call: Call) {
    const issues: FieldIssue[] = []
    const place = readWire(params, wires.params, call.params, { text: true, issues })
    // The query of a provider is its own: it is part of what is signed, and passed on as it arrived.
    // Programs that count clicks add their own to links.
    const given = access.kind === 'provider' || access.kind === 'link' ? {} : call.query()
    const asked = readWire(query, wires.query, given, { text: true, issues })
    if (access.kind === 'provider') {
      // Before the body is read: a stranger who knows no account costs no more than that.
      if (place === null) throw refusal(issues)
      await access.require(place.data)
    }
    if (access.kind === 'link') {
      if (place === null) throw refusal(issues)
      await call.admitLink(access.token(place.data))
    }
    if (access.kind === 'token') {
      // Before the body is read: without a valid token nothing else happens.
      if (place === null) throw refusal(issues)
      call.requireToken(access.purpose, access.id(place.data))
    }
    const { value, bytes } = bodyForm !== null ? await call.readBody(bodyForm) : { value: {}, bytes: null }
    const sent = readWire(body, wires.body, value, { text: false, issues })
    if (place === null || asked === null || sent === null) throw refusal(issues)
    return { input: { params: place.data, query: asked.data, body: sent.data }, bytes }
  }

  async function ownerOf(input: Parsed<Params, Query, Body>, caller: Caller | null): Promise<Target> {
    if (access.kind !== 'members') return access.owner()
    if (caller === null) throw unauthenticated()
    const owner = access.owner(input, caller)
    await requireOwn(owner, caller)
    return owner
  }

  return {
    ...row,
    bodyForm,
    rateClass,
    takesIdempotencyKey,
    async answer(call) {
      const caller = await readCaller(call)
      const { input, bytes } = await read(call)
      const owner = await ownerOf(input, caller)
      const basedOn = row.version === undefined ? undefined : versionOf(call.received, row.version)
      const run = async (idempotencyKey: string | undefined) => {
        const output = await handler({
          ...input,
          caller,
          owner,
          path: call.path,
          received: call.received,
          bytes,
          idempotencyKey,
          basedOn,
        })
        const answered = { status: status?.(output) ?? Number(usual), body: encode(output) }
        if (access.kind === 'link' && answered.status === 404) await call.missLink()
        return answered
      }
      if (!takesIdempotencyKey || caller === null) return run(undefined)
      const organizationId = async () => organizationOf(caller) ?? (await owner.locate(null)).organizationId
      return call.once({ route: row.id, caller, organizationId, input, problem }, run)
    },
    problem,
  }
}

/** The version that a change was made from. @throws NotificationError `version_required`, `invalid_input`. */
function versionOf({ headers }: Received, need: 'required' | 'optional'): number | null | undefined {
  const given = headers['if-match']
  if (given === undefined) {
    if (need === 'optional') return undefined
    throw new NotificationError(
      'version_required',
      'Send the header If-Match with the version that was published when the change began, such as "7", or "0" if there was none.',
      { field: 'If-Match' },
    )
  }
  const [, digits] = /^(?:W\/)?"?(\d{1,9})"?$/.exec(given.trim()) ?? []
  if (digits === undefined) throw refusal([{ field: 'If-Match', message: 'must be a version such as "7"' }])
  return Number(digits) || null
}

function firstOf<T>(list: readonly T[]): readonly [T] {
  const [first] = list
  if (first === undefined) throw new TypeError('a row needs a response')
  return [first]
}

const unauthenticated = (): NotificationError =>
  new NotificationError('unauthenticated', 'The request has no credentials, or they were not accepted.')
