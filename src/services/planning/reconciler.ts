import { setImmediate as turn } from 'node:timers/promises'
import { goneForMs } from '../../domain/due.ts'
import { isNotificationError, NotificationError } from '../../errors.ts'
import { type EntityId, parseInput } from '../../schemas/common.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import { defaultJobLeaseMs, type JobLease, takeJob } from '../shared/job-lease.ts'
import { RecurringJob } from '../shared/recurring-job.ts'
import type { Planner } from './planner.ts'
import { cancelGone, checkPlans, findBookings, type Run } from './reconcile-passes.ts'
import { newProgress, type Progress, readProgress, reconcileJob, writeProgress } from './reconcile-progress.ts'
import {
  busyReport,
  type ReconcileOptions,
  type ReconcileReport,
  reconcileOptions,
  type SettledReconcileOptions,
} from './reconcile-report.ts'

/** Spreads the first runs of workers started together. */
const firstWithinMs = 60_000
/** Fewer missing appointments than this do not suggest a broken directory, whatever their share. */
const fewGone = 20

type RunOptions = SettledReconcileOptions & Pick<Progress, 'skipPast'>

/** Compares the plans with the directory and repairs differences, in small steps from which an interrupted run can continue. */
export class Reconciler {
  readonly #context: Context
  readonly #planner: Planner
  readonly #job: RecurringJob | null
  readonly #running = new Set<Promise<unknown>>()
  #isStarted = false
  #isStopped = false
  #cancelLook = () => {}
  #cancelTakeover = () => {}

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
    this.#isStarted = true
    this.#job?.start()
  }

  /** Ends runs in progress at their next step. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelLook()
    this.#cancelTakeover()
    await this.#job?.stop()
    await Promise.allSettled(this.#running)
  }

  /** See `Notifications.reconcile`. `skipPast`: past times are skipped, whatever the organizations' policy. */
  async reconcile(given: ReconcileOptions = {}, { skipPast = false } = {}): Promise<ReconcileReport> {
    const options = parseInput(reconcileOptions, given, 'reconciliation options')
    return this.#track(this.#exclusively({ ...options, skipPast }))
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work)
    return work.finally(() => this.#running.delete(work))
  }

  /** Runs background work after a delay. Returns a function that cancels it. */
  #later(ms: number, work: () => Promise<void>): () => void {
    const { clock, logger } = this.#context.options
    return clock.after(ms, () => {
      const warned = (error: unknown) => logger.warn('reconciliation stopped', { fault: faultOf(error) })
      void this.#track(work().catch(warned))
    })
  }

  async #runInTurn(): Promise<void> {
    const { status, code } = await this.reconcile()
    if (this.#isStopped) return
    if (status === 'busy') this.#takeOverLater()
    if (status === 'stopped') {
      throw new NotificationError(
        code ?? 'internal_error',
        'The reconciliation stopped early; the next run continues it.',
      )
    }
  }

  /** The worker that has the run may have died: then this one continues it as soon as the job is free. */
  #takeOverLater(): void {
    this.#cancelTakeover()
    this.#cancelTakeover = this.#later(defaultJobLeaseMs, async () => {
      if ((await this.#context.options.storage.jobs.progress(reconcileJob)) !== null) await this.#runInTurn()
    })
  }

  async #exclusively(options: RunOptions): Promise<ReconcileReport> {
    if (options.dryRun) return this.#passes(null, options)
    const lease = await takeJob(this.#context, reconcileJob)
    if (lease === null) return busyReport(!this.#context.host.listsUpcoming)
    try {
      return await this.#passes(lease, options)
    } finally {
      await lease.release()
    }
  }

  /** `lease` null: a dry run, which stands in nobody's way. */
  async #passes(
    lease: JobLease | null,
    { restart, skipPast, force, maxGoneShare, dryRun, onProgress }: RunOptions,
  ): Promise<ReconcileReport> {
    const { host, options } = this.#context
    const { storage, clock, logger } = options
    host.retryNow()
    const isAnew = restart || skipPast || dryRun
    const kept = isAnew ? null : readProgress(await storage.jobs.progress(reconcileJob), clock.now())
    const progress = kept ?? newProgress(clock.now(), skipPast)
    const { startedAt, tally } = progress
    const keep = async () => {
      onProgress?.(tally.state.checked)
      const written = writeProgress(progress, clock.now())
      if (written !== null) await lease?.keepProgress(written)
    }
    const run = { ...this.#runOf(progress, lease, keep), dryRun }
    const about = { code: null, startedAt, resumed: kept !== null, upcomingSkipped: !host.listsUpcoming }
    try {
      if (kept === null) await keep()
      await checkPlans(run)
      if (host.listsUpcoming) await findBookings(run)
      const { gone } = tally.state.counts
      const isRefused = !force && isSuspicious(gone, progress.plans, maxGoneShare)
      if (isRefused) {
        logger.warn('reconciliation refused: too many appointments are missing from the directory', {
          gone,
          plans: progress.plans,
        })
      } else {
        await cancelGone(run, force)
        if (!dryRun) this.#lookOnceMore(progress.missing)
      }
      await lease?.keepProgress(null)
      return tally.report({ ...about, status: isRefused ? 'refused' : 'done' })
    } catch (error) {
      if (!isNotificationError(error)) throw error
      logger.warn('reconciliation stopped', { fault: faultOf(error) })
      return tally.report({ ...about, status: 'stopped', code: error.code })
    }
  }

  /** Checks missing appointments again later, and cancels those still missing; without `start()` the next run does. */
  #lookOnceMore(missing: readonly EntityId[]): void {
    if (missing.length === 0 || !this.#isStarted || this.#isStopped) return
    this.#cancelLook()
    this.#cancelLook = this.#later(goneForMs, () => this.#lookAgain(missing))
  }

  async #lookAgain(missing: readonly EntityId[]): Promise<void> {
    const lease = await takeJob(this.#context, reconcileJob)
    if (lease === null) return
    try {
      const progress = { ...newProgress(this.#context.options.clock.now(), false), gone: [...missing] }
      await cancelGone(
        this.#runOf(progress, lease, async () => {}),
        false,
      )
    } finally {
      await lease.release()
    }
  }

  #runOf(progress: Progress, lease: JobLease | null, reached: Run['reached']): Run {
    return {
      context: this.#context,
      planner: this.#planner,
      progress,
      step: () => this.#requireLease(lease),
      reached,
      dryRun: false,
    }
  }

  async #requireLease(lease: JobLease | null): Promise<void> {
    // Yield to other work: an in-process directory and database may resolve without a turn of the event loop.
    await turn()
    if (this.#isStopped) {
      throw new NotificationError('storage_closed', 'The library was stopped; create it again to reconcile.')
    }
    if (lease === null || (await lease.keep())) return
    throw new NotificationError(
      'conflict',
      'Another process took over the reconciliation, because this one paused for too long.',
    )
  }
}

/** A directory without any of the appointments, or without a large share of many, is probably broken. */
const isSuspicious = (gone: number, plans: number, maxShare: number): boolean =>
  gone === plans ? gone > 1 : gone >= fewGone && gone > plans * maxShare
