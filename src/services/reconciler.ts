import { setImmediate as turn } from 'node:timers/promises'
import { isNotificationError, NotificationError } from '../errors.ts'
import { parseInput } from '../schemas/common.ts'
import { type Context, faultOf } from './context.ts'
import { defaultJobLeaseMs, type JobLease, takeJob } from './job-lease.ts'
import type { Planner } from './planner.ts'
import { cancelGone, checkPlans, findBookings, type Run } from './reconcile/passes.ts'
import { newProgress, type Progress, readProgress, reconcileJob, writeProgress } from './reconcile/progress.ts'
import {
  type ReconcileOptions,
  type ReconcileReport,
  ReconcileTally,
  reconcileOptions,
  type SettledReconcileOptions,
} from './reconcile/report.ts'
import { RecurringJob } from './recurring-job.ts'

/** Workers started together do not ask the host all at once. */
const firstWithinMs = 60_000
/** A few that are gone are no sign of a broken directory, whatever their share. */
const fewGone = 20
/** How much is done again, at most, where the process is killed: how far a run is is written down this often. */
const keptEvery = 1000
/** With more of them that are gone, a run goes on from where there were fewer: what is kept stays small. */
const mostGoneKept = 10_000

/** Compares the plans with the host's directory, and mends what differs: in small steps, from which an interrupted run goes on. */
export class Reconciler {
  readonly #context: Context
  readonly #planner: Planner
  readonly #job: RecurringJob | null
  readonly #running = new Set<Promise<unknown>>()
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
            name: reconcileJob,
            everyMs: reconcileMs,
            firstAfterMs: Math.round(random() * Math.min(firstWithinMs, reconcileMs)),
            always: true,
            run: () => this.#runInTurn(),
          })
  }

  start(): void {
    this.#job?.start()
  }

  /** Ends runs in progress at their next step. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelLook()
    await this.#job?.stop()
    await Promise.allSettled(this.#running)
  }

  /** See `Notifications.reconcile`. */
  async reconcile(given: ReconcileOptions = {}): Promise<ReconcileReport> {
    const options = parseInput(reconcileOptions, given, 'The options of the reconciliation')
    return this.#track(this.#exclusively(options))
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work)
    return work.finally(() => this.#running.delete(work))
  }

  async #runInTurn(): Promise<void> {
    const { status, code } = await this.reconcile()
    if (status === 'busy') this.#lookLater()
    if (status !== 'stopped' || this.#isStopped) return
    throw new NotificationError(code ?? 'internal_error', 'The reconciliation stopped before its end.')
  }

  /** Whoever is at it may have died: then this worker goes on with the run as soon as the job is free. */
  #lookLater(): void {
    const { clock } = this.#context.options
    this.#cancelLook()
    if (this.#isStopped) return
    this.#cancelLook = clock.setTimer(new Date(clock.now().getTime() + defaultJobLeaseMs), () => {
      void this.#track(this.#goOn())
    })
  }

  async #goOn(): Promise<void> {
    const { storage, logger } = this.#context.options
    try {
      if ((await storage.jobs.progress(reconcileJob)) !== null) await this.#runInTurn()
    } catch (error) {
      logger.warn('background job put off', { job: reconcileJob, fault: faultOf(error) })
    }
  }

  async #exclusively(options: SettledReconcileOptions): Promise<ReconcileReport> {
    const lease = await takeJob(this.#context, reconcileJob)
    if (lease === null) {
      const upcomingSkipped = !this.#context.host.listsUpcoming
      return new ReconcileTally().report({
        status: 'busy',
        code: null,
        startedAt: null,
        resumed: false,
        upcomingSkipped,
      })
    }
    try {
      return await this.#passes(lease, options)
    } finally {
      await lease.release()
    }
  }

  async #passes(lease: JobLease, options: SettledReconcileOptions): Promise<ReconcileReport> {
    const { host, options: resolved } = this.#context
    const { storage, clock, logger } = resolved
    const kept = options.restart ? null : readProgress(await storage.jobs.progress(reconcileJob), clock.now())
    const progress = kept ?? newProgress(clock.now())
    const { run, keep } = this.#run(progress, lease)
    const { startedAt } = progress
    const about = { code: null, startedAt, resumed: kept !== null, upcomingSkipped: !host.listsUpcoming }
    try {
      if (kept === null) await lease.keepProgress(writeProgress(progress, clock.now()))
      await checkPlans(run)
      if (host.listsUpcoming) await findBookings(run)
      const { gone } = progress.tally.state.counts
      const isRefused = !options.force && isSuspicious(gone, progress.plans, options.maxGoneShare)
      if (isRefused) {
        logger.warn('reconciliation refused: the directory forgot too much', { gone, plans: progress.plans })
      } else await cancelGone(run)
      await lease.keepProgress(null)
      return progress.tally.report({ ...about, status: isRefused ? 'refused' : 'done' })
    } catch (error) {
      if (!isNotificationError(error)) throw error
      logger.warn('reconciliation stopped', { fault: faultOf(error) })
      await keep().catch(() => {})
      return progress.tally.report({ ...about, status: 'stopped', code: error.code })
    }
  }

  /** `keep` writes down how far the run was at the end of its last step that was done whole. */
  #run(progress: Progress, lease: JobLease): { readonly run: Run; readonly keep: () => Promise<void> } {
    const { clock } = this.#context.options
    let latest: string | null = null
    let sinceKept = 0
    const keep = async () => {
      if (latest === null) return
      await lease.keepProgress(latest)
      latest = null
      sinceKept = 0
    }
    const run: Run = {
      context: this.#context,
      planner: this.#planner,
      progress,
      step: () => this.#requireLease(lease),
      reached: async (count) => {
        sinceKept += count
        if (progress.gone.length > mostGoneKept) return
        latest = writeProgress(progress, clock.now())
        if (sinceKept >= keptEvery) await keep()
      },
    }
    return { run, keep }
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
