import { type Context, faultOf } from './context.ts'
import type { Planner } from './planner.ts'

/** Appointments planned anew at a time. */
const pageSize = 100
const retryAfterMs = 5000

/** Works off queued re-plans page by page, in the background. Several workers may do so: planning is declarative. */
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
        const { clock, logger } = this.#context.options
        logger.error('re-plan put off', { fault: faultOf(error) })
        this.#again = false
        this.#cancelRetry = clock.setTimer(new Date(clock.now().getTime() + retryAfterMs), () => this.wake())
      })
      .finally(() => {
        this.#running = null
        if (this.#again) this.wake()
      })
  }

  async #run(): Promise<void> {
    const { storage, clock } = this.#context.options
    while (this.#started) {
      this.#again = false
      const page = await storage.plans.nextReplanPage(clock.now(), pageSize)
      if (page === null) return
      if (page.plans.length > 0) {
        const results = await this.#planner.plan(
          page.plans.map(({ appointmentId }) => ({ appointmentId, reactivate: false, supersededBy: 'replanned' })),
        )
        for (const [index, result] of results.entries()) {
          if (result.status === 'planned' || result.error.code === 'appointment_not_found') continue
          const appointmentId = page.plans[index]?.appointmentId ?? null
          this.#context.options.logger.warn('appointment not planned anew', { appointmentId, code: result.error.code })
        }
      }
      await storage.plans.advanceReplan(page.jobId, page.plans.length === 0 ? null : page.cursor)
    }
  }
}
