import { setImmediate as turn } from 'node:timers/promises'
import { goneForMs } from '../domain/due.ts'
import { isNotificationError, NotificationError } from '../errors.ts'
import { type EntityId, parseInput } from '../schemas/common.ts'
import { type Context, faultOf } from './context.ts'
import { type JobLease, takeJob } from './job-lease.ts'
import type { Planner } from './planner.ts'
import { cancelGone, lookBack, lookForward, type Run } from './reconcile/passes.ts'
import {
  type ReconcileOptions,
  type ReconcileReport,
  ReconcileTally,
  reconcileOptions,
  type SettledReconcileOptions,
} from './reconcile/report.ts'
import { RecurringJob } from './recurring-job.ts'

const jobName = 'reconcile'
/** Workers started together do not ask the host all at once. */
const firstWithinMs = 60_000
/** A few that are gone are no sign of a broken directory, whatever their share. */
const fewGone = 20

type RunOptions = SettledReconcileOptions & Pick<Run, 'skipPast'>

/** Compares the plans with the host's directory, and mends what differs. */
export class Reconciler {
  readonly #context: Context
  readonly #planner: Planner
  readonly #job: RecurringJob | null
  readonly #running = new Set<Promise<unknown>>()
  #isStarted = false
  #isStopped = false
  #cancelLook = () => {}

  constructor(context: Context, planner: Planner) {
    this.#context = context
    this.#planner = planner
    const { reconcileMs, random } = context.options
    this.#job =
      reconcileMs === null
        ? null
        : new RecurringJob(context, {
            name: jobName,
            everyMs: reconcileMs,
            firstAfterMs: Math.round(random() * Math.min(firstWithinMs, reconcileMs)),
            always: true,
            run: () => this.#runInTurn(),
          })
  }

  start(): void {
    this.#isStarted = true
    this.#job?.start()
  }

  /** Ends runs in progress at their next batch. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelLook()
    await this.#job?.stop()
    await Promise.allSettled(this.#running)
  }

  /** See `Notifications.reconcile`. `skipPast`: whatever the organizations' policy, nothing is sent whose time is past. */
  async reconcile(given: ReconcileOptions = {}, { skipPast = false } = {}): Promise<ReconcileReport> {
    const options = parseInput(reconcileOptions, given, 'The options of the reconciliation')
    const run = this.#exclusively({ ...options, skipPast })
    this.#running.add(run)
    return run.finally(() => this.#running.delete(run))
  }

  async #runInTurn(): Promise<void> {
    const { status, code } = await this.reconcile()
    if (status !== 'stopped' || this.#isStopped) return
    throw new NotificationError(code ?? 'internal_error', 'The reconciliation stopped before its end.')
  }

  async #exclusively(options: RunOptions): Promise<ReconcileReport> {
    const tally = new ReconcileTally()
    const lease = await takeJob(this.#context, jobName)
    if (lease === null) return tally.report('busy', !this.#context.host.listsUpcoming)
    try {
      return await this.#passes(tally, lease, options)
    } finally {
      await lease.release()
    }
  }

  async #passes(tally: ReconcileTally, lease: JobLease, options: RunOptions): Promise<ReconcileReport> {
    const { host, options: resolved } = this.#context
    host.retryNow()
    const run = this.#runWith(lease, tally, options.skipPast)
    const skipped = !host.listsUpcoming
    try {
      const seen = skipped ? new Set<never>() : await lookForward(run)
      const { plans, gone } = await lookBack(run, seen)
      if (!options.force && isSuspicious(gone.length, plans, options.maxGoneShare)) {
        resolved.logger.warn('reconciliation refused: the directory forgot too much', { gone: gone.length, plans })
        return tally.report('refused', skipped)
      }
      this.#lookOnceMore(await cancelGone(run, gone, options.force))
      return tally.report('done', skipped)
    } catch (error) {
      if (!isNotificationError(error)) throw error
      resolved.logger.warn('reconciliation stopped', { fault: faultOf(error) })
      return tally.report('stopped', skipped, error.code)
    }
  }

  /** What is missed now is cancelled if it is missed again; without `start()` the next run finds out. */
  #lookOnceMore(missing: readonly EntityId[]): void {
    if (missing.length === 0 || !this.#isStarted || this.#isStopped) return
    const { clock, logger } = this.#context.options
    this.#cancelLook()
    this.#cancelLook = clock.after(goneForMs, () => {
      const run = this.#looksAgain(missing).catch((error: unknown) =>
        logger.warn('reconciliation stopped', { fault: faultOf(error) }),
      )
      this.#running.add(run)
      void run.finally(() => this.#running.delete(run))
    })
  }

  async #looksAgain(missing: readonly EntityId[]): Promise<void> {
    const lease = await takeJob(this.#context, jobName)
    if (lease === null) return
    try {
      await cancelGone(this.#runWith(lease, new ReconcileTally(), false), missing, false)
    } finally {
      await lease.release()
    }
  }

  #runWith(lease: JobLease, tally: ReconcileTally, skipPast: boolean): Run {
    return {
      context: this.#context,
      planner: this.#planner,
      tally,
      skipPast,
      requireLease: () => this.#requireLease(lease),
    }
  }

  async #requireLease(lease: JobLease): Promise<void> {
    // Others have work too: a directory and a database in this process answer without a turn of the event loop.
    await turn()
    if (this.#isStopped) {
      throw new NotificationError('storage_closed', 'The library was stopped; start it again to reconcile.')
    }
    if (await lease.keep()) return
    throw new NotificationError(
      'conflict',
      'Another worker took the reconciliation over, for this one stood still too long.',
    )
  }
}

/** A directory that knows nothing any more is broken, or one that lost a large share of many. */
const isSuspicious = (gone: number, plans: number, maxShare: number): boolean =>
  gone === plans ? gone > 1 : gone >= fewGone && gone > plans * maxShare
