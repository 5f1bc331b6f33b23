import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type ErrorCode, NotificationError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import type { RequestClaim, RequestKey, RequestStore } from '../ports/storage.ts'
import type { Fingerprint } from '../security/fingerprint.ts'
import { faultOf } from '../services/shared/fault-log.ts'
import { type Caller, callerKey } from './access.ts'
import { AnsweredBefore, type Problem, problemShape } from './problem.ts'
import { refusal } from './snake-case.ts'

/** The name of the header, as shown in errors. */
const headerName = 'Idempotency-Key'
/** How long a key stands for its first request. */
const keptMs = 24 * 60 * 60 * 1000
/** How long a process may take for a request before it counts as dead and the same request may run again. */
const leaseMs = 60_000
/** How long a repeated request waits for the response to the first, and how often it polls. */
const patienceMs = 10_000
const firstPauseMs = 25
const longestPauseMs = 1000

/** The response of a row, in wire names. */
export type Answer = { readonly status: number; readonly body: unknown }

/** A request that creates or sends, after its caller was admitted and its input was parsed. */
export type RepeatableRequest = {
  /** The id of its row. */
  readonly route: string
  readonly caller: Caller
  /** The organization of the object it is about; null if there is no such object. */
  readonly organizationId: () => string | null | Promise<string | null>
  /** Parsed, so that the order of fields and explicit defaults make no difference. */
  readonly input: unknown
  readonly problem: (error: unknown) => Problem
}

/**
 * Executes requests with the same `Idempotency-Key` once (draft-ietf-httpapi-idempotency-key-header).
 * A key belongs to one caller, the organization of the request, and one input. Access is checked first, each time.
 *
 * Stored are responses of 2xx and the refusals of the row itself (404, 409, 422): a late copy of a refused request must not
 * do what its sender believes was refused. Not stored are 5xx and `conflict`, which are meant to be sent again, and
 * errors from before the row runs (400, 401, 403, 413, 415, 429 and invalid input). Responses are stored as sent, with the
 * addresses they contain, in the same storage as the rows they show, until they expire.
 */
export interface Idempotency {
  /**
   * Runs the request, or returns its first response with the header `Idempotency-Replayed`. `run` gets a key that is unique
   * to the request and stays the same when it is repeated, even after a crash: what is done under it is done once.
   * @throws NotificationError `invalid_input` unless `key` is 1 to 255 visible ASCII characters,
   * `idempotency_key_reused`, `request_in_progress`; AnsweredBefore if the first response was a refusal.
   */
  once(
    key: string | undefined,
    request: RepeatableRequest,
    run: (idempotencyKey: string | undefined) => Promise<Answer>,
    setHeaders: (headers: Readonly<Record<string, string>>) => void,
  ): Promise<Answer>
}

type Parts = {
  readonly requests: RequestStore
  readonly fingerprint: Fingerprint
  readonly clock: Clock
  readonly logger: Logger
}

export function createIdempotency({ requests, fingerprint, clock, logger }: Parts): Idempotency {
  /** The claim, or the response of another run of the request. */
  async function claim(
    id: RequestKey,
    print: string,
  ): Promise<Extract<RequestClaim, { status: 'claimed' | 'answered' }>> {
    const deadline = clock.elapsedMs() + patienceMs
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      const now = clock.now()
      const after = (ms: number) => new Date(now.getTime() + ms)
      const found = await requests.claim({
        ...id,
        fingerprint: print,
        now,
        leaseUntil: after(leaseMs),
        expiresAt: after(keptMs),
      })
      if (found.status === 'claimed' || found.status === 'answered') return found
      if (found.status === 'other_request') throw reused()
      if (clock.elapsedMs() >= deadline) throw stillRunning()
      await new Promise<void>((resolve) => clock.after(pauseMs, resolve))
    }
  }

  /** The request is done or refused: a storage failure now must not change its response. */
  async function finish(route: string, end: () => Promise<unknown>): Promise<void> {
    await end().catch((error) =>
      logger.warn('storing the response for an idempotency key failed', { route, fault: faultOf(error) }),
    )
  }

  return {
    async once(key, request, run, setHeaders) {
      if (key === undefined) return run(undefined)
      requireKey(key)
      const { route, caller, input, problem } = request
      const id = { caller: callerKey(caller, await request.organizationId()), key }
      const found = await claim(id, fingerprint(canonical({ route, input })))
      if (found.status === 'answered') {
        setHeaders({ 'idempotency-replayed': 'true' })
        return replay(found.answer)
      }
      try {
        const answer = await run(keyOf(id, found.expiresAt))
        await finish(route, () => requests.answer(id, found.token, JSON.stringify({ answer })))
        return answer
      } catch (error) {
        const refused = problem(error)
        await finish(route, () =>
          isKept(refused)
            ? requests.answer(id, found.token, JSON.stringify({ refused }))
            : requests.release(id, found.token),
        )
        throw error
      }
    },
  }
}

/** The stored form of a response. */
const stored = z.union([
  z.strictObject({ answer: z.object({ status: z.int(), body: z.unknown() }) }),
  z.strictObject({ refused: problemShape }),
])

function replay(text: string): Answer {
  const first = stored.parse(JSON.parse(text))
  if ('answer' in first) return first.answer
  throw new AnsweredBefore(first.refused)
}

const visibleAscii = /^[\x21-\x7e]{1,255}$/

function requireKey(key: string): void {
  if (visibleAscii.test(key)) return
  throw refusal([{ field: headerName, message: 'must be 1 to 255 visible ASCII characters' }])
}

const transient: ReadonlySet<ErrorCode> = new Set([
  'conflict',
  'unauthenticated',
  'token_invalid',
  'forbidden',
  'rate_limited',
])
const isKept = ({ status, code }: Problem): boolean => status < 500 && !transient.has(code)

/** Includes the expiry: after it, the same key stands for a new request. */
const keyOf = ({ caller, key }: RequestKey, expiresAt: Date): string =>
  createHash('sha256')
    .update(JSON.stringify([caller, key, expiresAt.toISOString()]))
    .digest('base64url')

/** JSON in which the order of fields does not matter. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  )

const reused = (): NotificationError =>
  new NotificationError(
    'idempotency_key_reused',
    `This ${headerName} was used for another request. Use a new key for every new request.`,
    { field: headerName },
  )

const stillRunning = (): NotificationError =>
  new NotificationError(
    'request_in_progress',
    `The request with this ${headerName} is still running. Send it again after a moment.`,
    { field: headerName },
  )
