import type { TaskSummary } from '../../ports/storage.ts'
import type { Store } from '../../records/store.ts'
import type { TaskManagerMode } from '../../schemas/task-manager.ts'
import type { Callbacks } from '../delivery/callbacks.ts'
import type { WorkSource } from '../delivery/work.ts'
import type { Planner } from '../planning/planner.ts'
import type { Circuit } from '../shared/breaker.ts'
import type { Context } from '../shared/context.ts'
import { isDirectoryFault } from '../shared/directory/batch-reader.ts'
import { faultOf } from '../shared/fault-log.ts'
import { type JobLease, takeJob } from '../shared/job-lease.ts'
import { Alarms } from './alarms.ts'
import { TaskManagerClient } from './client/client.ts'
import { HandOver } from './hand-over.ts'
import { CreationRate } from './limits.ts'
import type { ResolvedTaskManagerOptions } from './options.ts'
import { TaskSync } from './sync.ts'
import type { TaskContext } from './task-updates.ts'
import { TaskUpdates } from './task-updates.ts'
import { TaskWriter } from './task-writer.ts'

const jobName = 'task_manager'
/** How soon another worker takes over from one that died, in ms. */
const leaseMs = 15_000

export type TaskManagerStatus = TaskSummary & {
  readonly mode: TaskManagerMode
  readonly status: 'ok' | 'failing'
  readonly circuit: Circuit
  /** Why TaskManager does not respond, such as `it answered 500`, or what it refused last; null: neither. */
  readonly fault: string | null
}

/**
 * Keeps the library's rows and TaskManager's tasks consistent: two records of the same messages, where of TaskManager's we know only
 * what it acknowledged. Nothing is sent to it that is not committed first, and each of its reports changes at most one row, once.
 *
 * In the mode `deliver` a message goes this way:
 * ```
 *            commit: delivery handed_over, task row          TaskManager returns the task id
 *  waiting ------------------------------------> unregistered ---------------> registered
 *     |                                          |   (repeated with the same key         |  checked when touched, and before its
 *     | not received in time                     |    and the same body)                 |  time. Changed: PUT. Lost: created
 *     v                                          |                                       |  anew. No longer wanted: recalled
 *  queued for the library <----------------------+---------------------------------------+
 *     ^                 TaskManager reports gone, cancelled or not run, and it is overdue |
 *     |                                                                                  v
 *     +--- a report still settles it, if nothing was sent meanwhile                 settled by a report,
 *                                                                                   or by a query if that was lost
 * ```
 * - *Recalled* (cancelled, moved, opted out, newer notice): the reminder is CANCELLED at once; the delivery stays handed over with the
 *   reason, and is cancelled when TaskManager confirms that it will not run. If it ran, that is recorded: sent, although cancelled.
 * - *In doubt* (a call got no response and may have arrived): nothing is decided before TaskManager responds. If it never does, the
 *   message is held as unknown at the start of the appointment, and queried for a week.
 * - Changes of the same rows by other processes are marked on them (`touched`), so that a pending response does not hide them.
 *
 * In the mode `trigger` the library sends the reminder; a task is only its alarm, set for the near future.
 *
 * One worker of all processes does the work, in the background: no request waits for TaskManager, and none fails with it.
 */
export class TaskManagerIntegration {
  readonly client: TaskManagerClient
  readonly #context: Context
  readonly #settings: ResolvedTaskManagerOptions
  readonly #handOver: HandOver
  readonly #updates: TaskUpdates
  readonly #sync: TaskSync
  readonly #alarms: Alarms
  #isStarted = false
  #lease: JobLease | null = null
  /** After another worker had the job, when to try to get it again, by the clock's `elapsedMs`. */
  #askAfter = Number.NEGATIVE_INFINITY
  #running: Promise<void> | null = null
  #again = false
  #cancelPoll = () => {}
  #unsubscribe = () => {}

  constructor(
    context: Context,
    settings: ResolvedTaskManagerOptions,
    planner: Planner,
    callbacks: Pick<Callbacks, 'url'>,
  ) {
    const { clock, random, logger, env } = context.options
    this.#context = context
    this.#settings = settings
    this.client = new TaskManagerClient({ ...settings.connection, clock, random, logger, env })
    const writer = new TaskWriter(context)
    const rate = new CreationRate(settings.createsPerMinute, clock)
    const shared: TaskContext = { context, planner, callbacks, client: this.client, settings, writer, rate }
    this.#updates = new TaskUpdates(shared)
    this.#handOver = new HandOver(shared)
    this.#alarms = new Alarms(this.#updates)
    this.#sync = new TaskSync(this.#updates, this.#alarms)
  }

  /** What the dispatcher sends: in the mode `deliver` only what was taken over. */
  get workSource(): WorkSource | undefined {
    return this.#settings.mode === 'deliver' ? takenOver(this.#context.options.storage) : undefined
  }

  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    const { storage } = this.#context.options
    this.#unsubscribe = storage.onForeignChange?.(() => this.wake()) ?? (() => {})
    this.#poll()
  }

  /** Looks for work soon; nothing happens before `start()` or after `stop()`. */
  wake(): void {
    this.#again = true
    if (!this.#isStarted || this.#running !== null) return
    this.#running = this.#run().finally(() => {
      this.#running = null
      if (this.#again) this.wake()
    })
  }

  /** Begins no new calls and aborts those in progress: their tasks are found again. */
  async stop(): Promise<void> {
    this.#isStarted = false
    this.#cancelPoll()
    this.#unsubscribe()
    this.client.close()
    await this.#running
    await this.#sync.rest()
    await this.#lease?.release()
    this.#lease = null
  }

  /** `verify`: calls TaskManager's health endpoint. */
  async health({ verify }: { readonly verify: boolean }): Promise<TaskManagerStatus> {
    const [summary, reason] = await Promise.all([
      this.#context.options.storage.tasks.summary(),
      verify ? this.client.health().then((health) => health.reason) : null,
    ])
    const { oldestPendingAt } = summary
    const waitsMs =
      oldestPendingAt === null ? 0 : this.#context.options.clock.now().getTime() - oldestPendingAt.getTime()
    const { refusal } = this.#updates
    const fault = reason ?? this.client.fault ?? refusal?.message ?? null
    const isWell = reason === null && this.client.fault === null && refusal?.concernsAll !== true
    const isOk = isWell && this.client.circuit !== 'open' && waitsMs < this.#settings.overdueAfterMs
    const { mode } = this.#settings
    return { mode, status: isOk ? 'ok' : 'failing', circuit: this.client.circuit, fault, ...summary }
  }

  #poll(): void {
    const { clock } = this.#context.options
    this.#cancelPoll = clock.after(this.#settings.pollMs, () => this.#poll())
    this.wake()
  }

  async #run(): Promise<void> {
    this.#again = false
    try {
      this.#lease ??= await this.#takeJob()
      if (await this.#shouldContinue()) await this.#work()
    } catch (error) {
      const { logger } = this.#context.options
      if (isDirectoryFault(error))
        logger.warn('handover to TaskManager postponed: the directory is unavailable', { code: error.code })
      else logger.error('handover to TaskManager postponed', { fault: faultOf(error) })
    }
  }

  async #takeJob(): Promise<JobLease | null> {
    const now = this.#context.options.clock.elapsedMs()
    if (now < this.#askAfter) return null
    const lease = await takeJob(this.#context, jobName, leaseMs)
    if (lease === null) this.#askAfter = now + this.#settings.pollMs
    return lease
  }

  async #work(): Promise<void> {
    const shouldContinue = () => this.#shouldContinue()
    if (this.#settings.mode === 'trigger') {
      await this.#alarms.set(shouldContinue)
      await this.#sync.run(shouldContinue)
      return
    }
    await this.#sync.run(shouldContinue)
    try {
      await this.#handOver.run(shouldContinue, () => this.#sync.run(shouldContinue))
    } finally {
      await this.#handOver.release(shouldContinue)
    }
  }

  /** Whether this worker still has the job. */
  async #shouldContinue(): Promise<boolean> {
    if (!this.#isStarted || this.#lease === null) return false
    if (await this.#lease.keep()) return true
    this.#lease = null
    return false
  }
}

const takenOver = ({ tasks }: Store): WorkSource => ({
  reminders: async () => ({ rows: [], more: [] }),
  deliveries: tasks.dueTakenOver.bind(tasks),
  nextDueAt: tasks.nextTakenOverDueAt.bind(tasks),
})
