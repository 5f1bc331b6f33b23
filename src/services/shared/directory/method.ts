import { type FieldIssue, issuesInWords, NotificationError } from '../../../errors.ts'
import type { DirectoryFinding } from '../../../events.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Directory, DirectoryContext } from '../../../ports/directory.ts'
import type { Logger } from '../../../ports/logger.ts'
import { Breaker, type Circuit } from '../breaker.ts'
import { faultOf } from '../fault-log.ts'

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
  /** How long one question may take, in ms. */
  readonly timeoutMs: number
  /** A row was found that cannot be used, or not all of it. */
  readonly found: (finding: DirectoryFinding) => void
}

/**
 * `guarded`: not asked while the circuit is open. `counted`: asked in any case, for those of whom more is known than that
 * others were not answered; a silence counts. `apart`: asked of those who are known to be in trouble; counts for nobody.
 */
export type AskMode = 'guarded' | 'counted' | 'apart'

/** An answer as a whole, or why it cannot be read. */
export type ReadAnswer<Answer> = (
  answer: unknown,
) => { readonly answer: Answer } | { readonly issues: readonly FieldIssue[] }

/** The compiler believes the host; a host in JavaScript may still answer with anything. */
export const readList: ReadAnswer<readonly unknown[]> = (answer) =>
  Array.isArray(answer) ? { answer } : { issues: [{ field: '', message: 'the answer is not an array' }] }

/** After so many silences in a row the host is not asked for a while. */
const breaker = { failures: 3, halfOpenAfterMs: 5000 }

const silences = new WeakSet<object>()
/** True of a question that was not answered in time, false of one that was refused. */
const isSilence = (error: unknown): boolean => typeof error === 'object' && error !== null && silences.has(error)

/** What is wrong with a method of which nothing was answered since. */
export type MethodFault = {
  readonly since: Date
  /** In a few words. */
  readonly fault: string
  /** Questions in a row that failed. */
  readonly count: number
}

/** A fault counts for so long unless it comes again, in ms: the method was not asked since. */
const faultLastsMs = 5 * 60_000

/** One method of the host's directory. Whatever becomes of a question is known within its time, and has a word. */
export class DirectoryMethod<Input, Answer> {
  readonly name: DirectoryMethodName
  readonly #call: (input: Input, context: DirectoryContext) => unknown
  readonly #options: DirectoryMethodOptions
  readonly #read: ReadAnswer<Answer>
  readonly #breaker: Breaker
  readonly #underWay = new Set<(error: NotificationError) => void>()
  #fault: (MethodFault & { readonly until: number }) | null = null
  #isClosed = false

  constructor(
    name: DirectoryMethodName,
    call: (input: Input, context: DirectoryContext) => unknown,
    read: ReadAnswer<Answer>,
    options: DirectoryMethodOptions,
  ) {
    const { clock, logger } = options
    this.name = name
    this.#call = call
    this.#options = options
    this.#read = read
    this.#breaker = new Breaker({
      ...breaker,
      clock,
      reasonOf: (error) => (isSilence(error) ? 'no response in time' : null),
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

  /** Null once anything was answered. */
  get fault(): MethodFault | null {
    return this.#fault !== null && this.#options.clock.elapsedMs() < this.#fault.until ? this.#fault : null
  }

  /** What a guarded question would be told at once; null: it would be asked. */
  get refusal(): NotificationError | null {
    const broken = this.#breaker.broken
    if (broken === null) return null
    return this.#error(`did not respond before, so calls are suspended for another ${Math.ceil(broken.waitMs)} ms`, {
      retryAfterMs: broken.waitMs,
    })
  }

  /**
   * What the host answers, of which only the whole is checked.
   * @throws NotificationError `directory_failed`, or `directory_invalid` for an answer that cannot be read.
   */
  async ask(input: Input, mode: AskMode): Promise<Answer> {
    const { refusal } = this
    if (refusal !== null && mode === 'guarded') throw refusal
    if (refusal !== null || mode === 'apart') return this.#askNow(input)
    return this.#breaker.execute(() => this.#askNow(input))
  }

  /** Ends what is under way, and refuses what comes later. */
  close(): void {
    this.#isClosed = true
    for (const giveUp of this.#underWay) giveUp(this.#stopped())
  }

  async #askNow(input: Input): Promise<Answer> {
    if (this.#isClosed) throw this.#stopped()
    const { clock, logger, timeoutMs } = this.#options
    const { name } = this
    const end = new AbortController()
    const over = Promise.withResolvers<{ readonly error: NotificationError; readonly fault: string }>()
    const giveUp = (error: NotificationError) => {
      over.resolve({ error, fault: 'no response in time' })
      end.abort(error)
    }
    const cancel = clock.after(timeoutMs, () => giveUp(this.#silence()))
    this.#underWay.add(giveUp)
    const askedAt = clock.elapsedMs()
    let isLate = false
    const answered = (async () => this.#call(input, { signal: end.signal }))().then(
      (answer) => {
        const afterMs = Math.round(clock.elapsedMs() - askedAt)
        if (isLate) logger.warn('directory responded too late; the result is ignored', { method: name, afterMs })
        const read = this.#read(answer)
        if ('answer' in read) return read
        return { error: this.#unusable(read.issues), fault: issuesInWords(read.issues) }
      },
      (cause: unknown) => ({ error: this.#error('failed; the work is postponed', { cause }), fault: faultOf(cause) }),
    )
    const outcome = await Promise.race([answered, over.promise])
    cancel()
    this.#underWay.delete(giveUp)
    if ('answer' in outcome) {
      this.#fault = null
      return outcome.answer
    }
    isLate = true
    const { error, fault } = outcome
    if (!this.#isClosed) {
      const { since = clock.now(), count = 0 } = this.fault ?? {}
      this.#fault = { since, fault, count: count + 1, until: clock.elapsedMs() + faultLastsMs }
      logger.warn('directory method failed', { method: name, code: error.code, fault })
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

  #silence(): NotificationError {
    const error = this.#error(`did not respond within ${this.#options.timeoutMs} ms; the work is postponed`)
    silences.add(error)
    return error
  }

  #stopped(): NotificationError {
    return this.#error('had not responded when the library was stopped; the work is postponed')
  }

  #error(what: string, options: { readonly cause?: unknown; readonly retryAfterMs?: number } = {}): NotificationError {
    return new NotificationError('directory_failed', `The directory method "${this.name}" ${what}.`, options)
  }
}
