import type { ReplanPage } from '../../ports/storage.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import { takeJob } from '../shared/job-lease.ts'
import { unreportedChange } from './plan-row.ts'
import type { Planner } from './planner.ts'

/** Appointments planned anew at a time. */
const pageSize = 100
const retryAfterMs = 5000

/**
 * Works through queued re-plans page by page, in the background, in one worker at a time. Two would do no harm, since planning is
 * declarative, but would call the directory twice.
 */
export class Replanner {
  readonly #context: Context
  readonly #planner: Planner
  #running: Promise<void> | null = null
  #again = false
  #started = false
  #cancelRetry = () => {}

  constructor(context: Context, planner: Planner) {
    this.#context = context
    this.#planner = planner
  }

  start(): void {
    this.#started = true
    this.wake()
  }

  async stop(): Promise<void> {
    this.#started = false
    this.#cancelRetry()
    await this.#running
  }

  wake(): void {
    this.#again = true
    if (!this.#started || this.#running !== null) return
    this.#running = this.#run()
      .catch((error) => {
        const { logger } = this.#context.options
        logger.error('replanning postponed', { fault: faultOf(error) })
        this.#again = false
        this.#lookLater()
      })
      .finally(() => {
        this.#running = null
        if (this.#again) this.wake()
      })
  }

  #lookLater(): void {
    const { clock } = this.#context.options
    this.#cancelRetry()
    this.#cancelRetry = clock.after(retryAfterMs, () => this.wake())
  }

  async #run(): Promise<void> {
    this.#again = false
    if ((await this.#nextPage()) === null) return
    const lease = await takeJob(this.#context, 'replan')
    // The worker that has the job may have looked for the last time before this re-plan was queued.
    if (lease === null) return this.#lookLater()
    try {
      while (this.#started) {
        this.#again = false
        const page = await this.#nextPage()
        if (page === null) return
        if (!(await lease.keep())) return this.#lookLater()
        await this.#replan(page)
      }
    } finally {
      await lease.release()
    }
  }

  #nextPage(): Promise<ReplanPage | null> {
    const { storage, clock } = this.#context.options
    return storage.plans.nextReplanPage(clock.now(), pageSize)
  }

  async #replan({ jobId, plans, cursor }: ReplanPage): Promise<void> {
    const { storage, logger } = this.#context.options
    if (plans.length > 0) {
      const results = await this.#planner.plan(plans.map(({ appointmentId }) => unreportedChange(appointmentId)))
      for (const [index, result] of results.entries()) {
        if (result.status === 'planned' || result.error.code === 'appointment_not_found') continue
        const appointmentId = plans[index]?.appointmentId ?? null
        logger.warn('replanning an appointment failed', { appointmentId, code: result.error.code })
      }
    }
    await storage.plans.advanceReplan(jobId, cursor)
  }
}
