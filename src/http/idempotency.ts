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

/** The name of the header, as it is shown. */
const headerName = 'Idempotency-Key'
/** How long a key stands for its first request. */
const keptMs = 24 * 60 * 60 * 1000
/** How long a process may take over a request before it counts as dead and the same request may run again. */
const leaseMs = 60_000
/** How long a twin waits for the answer of the first, and how often it looks. */
const patienceMs = 10_000
const firstPauseMs = 25
const longestPauseMs = 1000

/** What a row answers, in wire form. */
export type Answer = { readonly status: number; readonly body: unknown }

/** A request that creates or sends, after its caller was let in and its input was read. */
export type RepeatableRequest = {
  /** The id of its row. */
  readonly route: string
  readonly caller: Caller
  /** Of the object it is about; null where that is not there. */
  readonly organizationId: () => string | null | Promise<string | null>
  /** Parsed, so that the order of fields and defaults written out make no difference. */
  readonly input: unknown
  readonly problem: (error: unknown) => Problem
}

/**
 * Makes a request that is sent again under the same `Idempotency-Key` one request (draft-ietf-httpapi-idempotency-key-header).
 * The key belongs to its caller and the organization of the request, and to one input. Access is checked before, each time.
 *
 * Kept are answers of 2xx and the refusals of the row itself (404, 409, 422): a copy of a refused request that arrives
 * late must not do what its sender was told is not done. Not kept are 5xx and `conflict`, which ask to be sent again, and
 * what ends before a row runs (400, 401, 403, 413, 415, 429 and invalid input). An answer is kept as it was given, which may
 * include addresses, where the rows it tells of are: in storage, until it expires.
 */
export interface Idempotency {
  /**
   * Runs the request, or tells its first answer with the header `Idempotency-Replayed`. `run` gets a key that the same
   * request always has, also after a crash, and nobody else: what it does under it is done once.
   * @throws NotificationError `invalid_input` for another `key` than 1 to 255 visible ASCII characters,
   * `idempotency_key_reused`, `request_in_progress`; AnsweredBefore where the first answer was a refusal.
   */
  once(
    key: string | undefined,
    request: RepeatableRequest,
    run: (idempotencyKey: string | undefined) => Promise<Answer>,
    tell: (headers: Readonly<Record<string, string>>) => void,
  ): Promise<Answer>
}

type Parts = {
  readonly requests: RequestStore
  readonly fingerprint: Fingerprint
  readonly clock: Clock
  readonly logger: Logger
}

export function createIdempotency({ requests, fingerprint, clock, logger }: Parts): Idempotency {
  /** The claim, or what another run of the request answered. */
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

  /** The request is done, or refused: that storage fails now must not change what its caller is told. */
  async function finish(route: string, end: () => Promise<unknown>): Promise<void> {
    await end().catch((error) =>
      logger.warn('storing the response for an idempotency key failed', { route, fault: faultOf(error) }),
    )
  }

  return {
    async once(key, request, run, tell) {
      if (key === undefined) return run(undefined)
      requireKey(key)
      const { route, caller, input, problem } = request
      const id = { caller: callerKey(caller, await request.organizationId()), key }
      const found = await claim(id, fingerprint(canonical({ route, input })))
      if (found.status === 'answered') {
        tell({ 'idempotency-replayed': 'true' })
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

/** What we stored ourselves. */
const stored = z.union([
  z.strictObject({ answer: z.object({ status: z.int(), body: z.unknown() }) }),
  z.strictObject({ refused: problemShape }),
])

function replay(text: string): Answer {
  const told = stored.parse(JSON.parse(text))
  if ('answer' in told) return told.answer
  throw new AnsweredBefore(told.refused)
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

/** With the end of the key's first life: after it, the same key is a new request. */
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
