import { type ErrorCode, errorCodes, errorTable } from '../../errors.ts'
import type { Endpoint } from '../define-route.ts'
import { problemShape } from '../problem.ts'
import { limitHeaders } from './headers.ts'
import type { Json, WireSchemas } from './schemas.ts'

type Applies = (row: Endpoint) => boolean

const always: Applies = () => true
const never: Applies = () => false
const takesBody: Applies = ({ bodyForm }) => bodyForm !== null
const forMembers: Applies = ({ access }) => access.kind === 'members'

/** Errors that rows need not list, because they follow from the kind of row. */
const general: Partial<Record<ErrorCode, Applies>> = {
  bad_request: always,
  unauthenticated: forMembers,
  token_invalid: ({ access }) => access.kind === 'token',
  forbidden: forMembers,
  signature_invalid: ({ access }) => access.kind === 'provider',
  payload_too_large: takesBody,
  unsupported_media_type: takesBody,
  body_unreadable: takesBody,
  invalid_input: always,
  // The owner of an object may have to be looked up in the directory.
  directory_failed: forMembers,
  directory_invalid: forMembers,
  rate_limited: ({ rateClass }) => rateClass !== null,
  idempotency_key_reused: ({ takesIdempotencyKey }) => takesIdempotencyKey,
  request_in_progress: ({ takesIdempotencyKey }) => takesIdempotencyKey,
  version_required: ({ version }) => version === 'required',
  version_outdated: ({ version }) => version !== undefined,
  // Thrown by `migrate()` only, which no request calls.
  migration_refused: never,
}

/** Failures of the library itself, possible at any time. */
const isFault = (code: ErrorCode): boolean => errorTable[code].status === 500 || errorTable[code].status === 503

const isGeneral = (row: Endpoint, code: ErrorCode): boolean => (general[code] ?? (isFault(code) ? always : never))(row)

const retryAfter = {
  'Retry-After': {
    description: 'Seconds to wait before the next attempt',
    schema: { type: 'string', pattern: '^\\d+$' },
  },
}

/** Headers of problems, by status. */
const headers: Readonly<Record<number, Json>> = {
  401: { 'WWW-Authenticate': { description: 'The scheme, as RFC 9110 requires', schema: { type: 'string' } } },
  409: retryAfter,
  429: { ...retryAfter, ...limitHeaders },
  503: retryAfter,
}

/**
 * The problems of a row by status. A status with general codes only is a component shared by all rows; one with codes
 * of the row itself is described in place.
 */
export class Problems {
  readonly #schema: Json
  readonly #shared = new Map<string, Json>()

  constructor(schemas: WireSchemas) {
    this.#schema = schemas.named('Problem', problemShape, 'output')
  }

  /** `response`: as used in the operation, possibly a reference; `described`: the same in full. */
  of(row: Endpoint): ReadonlyMap<number, { readonly response: Json; readonly described: Json }> {
    const codes = errorCodes.filter((code) => row.errors.includes(code) || isGeneral(row, code))
    const found = new Map<number, { response: Json; described: Json }>()
    for (const status of new Set(codes.map((code) => errorTable[code].status))) {
      const own = codes.filter((code) => errorTable[code].status === status)
      const described = this.#describe(status, own)
      const isShared = own.every((code) => isGeneral(row, code))
      found.set(status, { described, response: isShared ? this.#share(status, own, described) : described })
    }
    return found
  }

  /** For `components.responses`. */
  shared(): Json {
    return Object.fromEntries(this.#shared)
  }

  #describe(status: number, codes: readonly ErrorCode[]): Json {
    const narrowed = {
      type: 'object',
      properties: {
        code: { type: 'string', enum: codes, description: problemShape.shape.code.description },
        status: { const: status, description: problemShape.shape.status.description },
      },
    }
    const schema = { allOf: [this.#schema, { ...narrowed, required: ['code', 'status'] }] }
    return {
      description: codes.map((code) => `\`${code}\`: ${errorTable[code].title}.`).join('\n\n'),
      ...(headers[status] === undefined ? {} : { headers: headers[status] }),
      content: { 'application/problem+json': { schema } },
    }
  }

  /** A reference, unless the name is already taken by another list of codes. */
  #share(status: number, [first, ...more]: readonly ErrorCode[], problem: Json): Json {
    const name = more.length === 0 ? pascal(first ?? '') : `Problem${status}`
    const known = this.#shared.get(name) ?? problem
    if (JSON.stringify(known) !== JSON.stringify(problem)) return problem
    this.#shared.set(name, known)
    return { $ref: `#/components/responses/${name}` }
  }
}

/** `token_invalid` and `settings.create` become `TokenInvalid` and `SettingsCreate`. */
export const pascal = (words: string): string =>
  words.replace(/(?:^|(?<![^a-z0-9])[^a-z0-9]+)([a-z0-9])/gi, (_, first: string) => first.toUpperCase())
