import { nextAttempt } from '../../domain/retry.ts'
import type { Hooks } from '../../ports/hooks.ts'
import type { AnswerRow } from '../../ports/storage.ts'
import type { AnswerAction, ReplyAbout } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import { withTimeout } from '../shared/with-timeout.ts'

/** How many are called at a time. */
const pageSize = 20
/** A lease is longer than a call by what it takes to store the result. */
const storingMs = 30_000
/** Waits of about 30 s, 2 min, 8 min, then 15 min, for as long as it takes: an answer that nobody hears is lost. */
const policy = { maxRetries: Number.POSITIVE_INFINITY, baseMs: 30_000, factor: 4, maxMs: 900_000 }

const hookNames = { confirm: 'onConfirm', change: 'onChangeRequest', cancel: 'onCancelRequest' } as const

const isAction = (kind: AnswerAction | ReplyAbout): kind is AnswerAction => kind in hookNames

/** The hook that hears of it; undefined: the host application has none. */
export const hookFor = (hooks: Hooks, kind: AnswerAction | ReplyAbout): Hooks[keyof Hooks] =>
  hooks[isAction(kind) ? hookNames[kind] : 'onReply']

/**
 * Calls the hooks of the host application, from the rows, so that what was answered reaches it also if a process dies. Each row is called
 * by one process, under a lease by the clock of the database; after one that died, by another.
 */
export class HookCalls {
  readonly #context: Context
  #started = false
  #running: Promise<void> | null = null
  #again = false
  #cancelTimer = () => {}
  readonly #end = new AbortController()

  constructor(context: Context) {
    this.#context = context
  }

  start(): void {
    if (Object.keys(this.#context.options.hooks).length === 0) return
    this.#started = true
    this.wake()
  }

  /** Waits for the calls in progress, which are aborted. */
  async stop(): Promise<void> {
    this.#started = false
    this.#cancelTimer()
    this.#end.abort()
    await this.#running
  }

  wake(): void {
    this.#again = true
    if (!this.#started || this.#running !== null) return
    this.#cancelTimer()
    this.#running = this.#run()
      .catch((error) => {
        this.#context.options.logger.error('hooks postponed', { fault: faultOf(error) })
        return this.#context.options.sweepMs
      })
      .then((ms) => {
        this.#running = null
        if (this.#started) this.#cancelTimer = this.#context.options.clock.after(ms, () => this.wake())
      })
  }

  /** Returns how long to wait for the next run, in ms. */
  async #run(): Promise<number> {
    const { storage, clock, sweepMs } = this.#context.options
    while (this.#started) {
      this.#again = false
      const rows = await storage.answers.due(clock.now(), pageSize)
      const results = await Promise.all(rows.map((row) => this.#call(row)))
      // With a full page there may be more; and one that is done may have kept others about its appointment waiting.
      if (!results.some((isDone) => isDone) && !this.#isAgain()) break
    }
    // The sweep finds what other processes recorded.
    const next = await storage.answers.nextDueAt()
    return next === null ? sweepMs : Math.min(sweepMs, Math.max(0, next.getTime() - clock.now().getTime()) + 1)
  }

  #isAgain(): boolean {
    return this.#again
  }

  /** True if it was called and the result is stored. */
  async #call(row: AnswerRow): Promise<boolean> {
    const { storage, clock, logger, random, hookTimeoutMs } = this.#context.options
    const { id, dueAt } = row
    if (dueAt === null) return false
    const until = new Date(clock.now().getTime() + hookTimeoutMs + storingMs)
    if (!(await storage.answers.claimHook({ id, dueAt, until }))) return false
    const error = await this.#outcome(row)
    const at = clock.now()
    const retryAt = nextAttempt({ policy, attempts: row.attempts + 1, now: at, deadline: null, random: random() })
    if (error !== null) {
      const { organizationId, appointmentId, kind } = row
      logger.error('hook failed: called again later', { organizationId, appointmentId, hook: kind, fault: error })
    }
    const fault = error === null ? null : { error, retryAt: retryAt ?? new Date(at.getTime() + policy.maxMs) }
    return storage.answers.settleHook({ id, until, fault, at })
  }

  /** Null: the hook took it. Else why not, without what may be personal. */
  async #outcome(row: AnswerRow): Promise<string | null> {
    const { clock, hookTimeoutMs, hooks } = this.#context.options
    const end = new AbortController()
    const signal = AbortSignal.any([end.signal, this.#end.signal])
    const called = call(hooks, row, signal).then(
      (isWired) => (isWired ? null : 'this process has no such hook'),
      (error: unknown) => faultOf(error),
    )
    return withTimeout(clock, hookTimeoutMs, called, () => {
      end.abort()
      return `no result within ${hookTimeoutMs} ms`
    })
  }
}

/** False: the hook is not there. */
async function call(hooks: Hooks, row: AnswerRow, signal: AbortSignal): Promise<boolean> {
  const { kind, organizationId, appointmentId, recipient, via, channel, at, startsAt } = row
  const id = `answer-${row.id}`
  if (isAction(kind)) {
    const hook = hooks[hookNames[kind]]
    if (hook === undefined) return false
    // Each of its rows has them.
    if (organizationId === null || appointmentId === null || recipient === null || startsAt === null) return true
    const answer = { id, organizationId, appointmentId, recipient, action: kind, via, channel, startsAt, at }
    await hook.call(hooks, answer, { signal })
    return true
  }
  if (hooks.onReply === undefined) return false
  const { address, text, candidates: appointments } = row
  if (channel === null || address === null || text === null) return true
  await hooks.onReply({ id, organizationId, about: kind, channel, address, text, appointments, at }, { signal })
  return true
}
