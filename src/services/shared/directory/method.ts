import { type FieldIssue, issuesInWords, NotificationError } from '../../../errors.ts'
import type { DirectoryFinding } from '../../../events.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Directory, DirectoryContext } from '../../../ports/directory.ts'
import type { Logger } from '../../../ports/logger.ts'
import { Breaker, type Circuit } from '../breaker.ts'
import { faultOf, framesOf } from '../fault-log.ts'

export const directoryMethods = [
  'appointments',
  'organizations',
  'recipients',
  'waitlistEntries',
  'upcoming',
] as const satisfies readonly (keyof Directory)[]
export type DirectoryMethodName = (typeof directoryMethods)[number]

export type DirectoryMethodOptions = {
  readonly clock: Clock
  readonly logger: Logger
  /** How long one call may take, in ms. */
  readonly timeoutMs: number
  /** Called for a row that cannot be used, or only in part. */
  readonly found: (finding: DirectoryFinding) => void
}

/**
 * `guarded`: fails at once while the circuit is open. `counted`: made in any case, for organizations that did not fail
 * themselves; a timeout counts for the circuit. `apart`: for organizations known to fail; does not count.
 */
export type CallMode = 'guarded' | 'counted' | 'apart'

/** Checks the result of a call as a whole: returns it typed, or why it cannot be used. */
export type ReadResult<Result> = (
  result: unknown,
) => { readonly result: Result } | { readonly issues: readonly FieldIssue[] }

/** The result is typed for the compiler, but a host written in JavaScript may return anything. */
export const readList: ReadResult<readonly unknown[]> = (result) =>
  Array.isArray(result) ? { result } : { issues: [{ field: '', message: 'the result is not an array' }] }

/** After this many timeouts in a row, calls are suspended for a while. */
const breaker = { failures: 3, halfOpenAfterMs: 5000 }

const timeouts = new WeakSet<object>()
/** True for a call that timed out, false for one that failed otherwise. */
const isTimeout = (error: unknown): boolean => typeof error === 'object' && error !== null && timeouts.has(error)

/** The fault of a method since its last successful call. */
export type MethodFault = {
  readonly since: Date
  /** In a few words. */
  readonly fault: string
  /** Failed calls in a row. */
  readonly count: number
}

/** How long a fault is reported if no further call is made, in ms. */
const faultLastsMs = 5 * 60_000

/** One method of the host's directory. Each call ends within its time limit, with a result or a fault that is logged. */
export class DirectoryMethod<Input, Result> {
  readonly name: DirectoryMethodName
  readonly #method: (input: Input, context: DirectoryContext) => unknown
  readonly #options: DirectoryMethodOptions
  readonly #read: ReadResult<Result>
  readonly #breaker: Breaker
  readonly #running = new Set<(error: NotificationError) => void>()
  #fault: (MethodFault & { readonly until: number }) | null = null
  #isClosed = false

  constructor(
    name: DirectoryMethodName,
    method: (input: Input, context: DirectoryContext) => unknown,
    read: ReadResult<Result>,
    options: DirectoryMethodOptions,
  ) {
    const { clock, logger } = options
    this.name = name
    this.#method = method
    this.#options = options
    this.#read = read
    this.#breaker = new Breaker({
      ...breaker,
      clock,
      reasonOf: (error) => (isTimeout(error) ? 'no response in time' : null),
      onBreak: () => {
        const { halfOpenAfterMs } = breaker
        logger.warn('directory method does not respond; calls are suspended for a while', {
          method: name,
          halfOpenAfterMs,
        })
      },
      onReset: () => logger.info('directory method responds again', { method: name }),
    })
  }

  get circuit(): Circuit {
    return this.#breaker.state
  }

  /** Null once a call succeeded. */
  get fault(): MethodFault | null {
    return this.#fault !== null && this.#options.clock.elapsedMs() < this.#fault.until ? this.#fault : null
  }

  /** The error with which a guarded call fails at once; null: it would be made. */
  get refusal(): NotificationError | null {
    const broken = this.#breaker.broken
    if (broken === null) return null
    return this.#error(`did not respond before, so calls are suspended for another ${Math.ceil(broken.waitMs)} ms`, {
      retryAfterMs: broken.waitMs,
    })
  }

  /**
   * Calls the method. Its rows are not checked yet.
   * @throws NotificationError `directory_failed`, or `directory_invalid` for a result that cannot be used.
   */
  async call(input: Input, mode: CallMode): Promise<Result> {
    const { refusal } = this
    if (refusal !== null && mode === 'guarded') throw refusal
    if (refusal !== null || mode === 'apart') return this.#callNow(input)
    return this.#breaker.execute(() => this.#callNow(input))
  }

  /** Aborts calls in progress, and refuses later ones. */
  close(): void {
    this.#isClosed = true
    for (const giveUp of this.#running) giveUp(this.#stopped())
  }

  async #callNow(input: Input): Promise<Result> {
    if (this.#isClosed) throw this.#stopped()
    const { clock, logger, timeoutMs } = this.#options
    const { name } = this
    const end = new AbortController()
    type Failure = { readonly error: NotificationError; readonly fault: string; readonly at?: string | null }
    const over = Promise.withResolvers<Failure>()
    const giveUp = (error: NotificationError) => {
      over.resolve({ error, fault: 'no response in time' })
      end.abort(error)
    }
    const cancel = clock.after(timeoutMs, () => giveUp(this.#timeout()))
    this.#running.add(giveUp)
    const calledAt = clock.elapsedMs()
    let isLate = false
    const done = (async () => this.#method(input, { signal: end.signal }))().then(
      (result) => {
        const afterMs = Math.round(clock.elapsedMs() - calledAt)
        if (isLate) logger.warn('directory responded too late; the result is ignored', { method: name, afterMs })
        const read = this.#read(result)
        if ('result' in read) return read
        return { error: this.#unusable(read.issues), fault: issuesInWords(read.issues) }
      },
      (cause: unknown) => {
        const error = this.#error('failed; the work is postponed', { cause })
        return { error, fault: faultOf(cause), at: framesOf(cause) }
      },
    )
    const outcome = await Promise.race([done, over.promise])
    cancel()
    this.#running.delete(giveUp)
    if ('result' in outcome) {
      this.#fault = null
      return outcome.result
    }
    isLate = true
    const { error, fault, ...place } = outcome
    if (!this.#isClosed) {
      const { since = clock.now(), count = 0 } = this.fault ?? {}
      this.#fault = { since, fault, count: count + 1, until: clock.elapsedMs() + faultLastsMs }
      logger.warn('directory method failed', { method: name, code: error.code, fault, ...place })
    }
    throw error
  }

  #unusable(issues: readonly FieldIssue[]): NotificationError {
    return new NotificationError(
      'directory_invalid',
      `The directory method "${this.name}" returned an invalid result: ${issuesInWords(issues)}.`,
      { issues },
    )
  }

  #timeout(): NotificationError {
    const error = this.#error(`did not respond within ${this.#options.timeoutMs} ms; the work is postponed`)
    timeouts.add(error)
    return error
  }

  #stopped(): NotificationError {
    return this.#error('had not responded when the library was stopped; the work is postponed')
  }

  #error(what: string, options: { readonly cause?: unknown; readonly retryAfterMs?: number } = {}): NotificationError {
    return new NotificationError('directory_failed', `The directory method "${this.name}" ${what}.`, options)
  }
}
