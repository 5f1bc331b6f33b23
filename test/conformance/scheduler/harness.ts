import { afterEach } from 'vitest'
import { type Clock, type Scheduler, silentLogger } from '../../../src/index.ts'

export type SchedulerHarness = {
  /** One more scheduler on the same engine, as another process would make it. Where there is no engine: one more. */
  readonly scheduler: () => Scheduler
  /** The library's time. */
  readonly clock: Clock
  /** Lets time pass by `ms`: a clock of the test's own is moved, and what it set off comes to rest; a real one is waited for. */
  readonly pass: (ms: number) => Promise<void>
  /** Sets the library's time, with nothing fired on the way, as when somebody sets the clock of a machine. */
  readonly jump: (to: Date) => void
  /** Loses everything that the engine holds, its queue included. Left out where it holds nothing. */
  readonly empty?: () => Promise<void>
  /** Stops the engine and starts it again. Left out where there is none, or where it cannot be done. */
  readonly restart?: () => Promise<void>
  /** Removes what was opened. Called after the schedulers were stopped. */
  readonly dispose?: () => Promise<void>
}
export type OpenScheduler = () => Promise<SchedulerHarness>

/** Long enough that nothing comes early by chance, short enough to be waited for in real time. */
export const soonMs = 200
/** Time given to an engine to do its part, in steps of which the first that suffices is the last. */
const stepMs = 100
const patienceMs = 30_000

export type World = Omit<SchedulerHarness, 'dispose'> & {
  /** A started scheduler; `rung` holds the library's time of every wake-up. */
  readonly started: () => Promise<{ readonly scheduler: Scheduler; readonly rung: Date[] }>
  /** The library's time in so many ms. */
  readonly in: (ms: number) => Date
  /** Lets time pass until it holds. */
  readonly until: (holds: () => boolean | Promise<boolean>) => Promise<void>
}

/** What every part of the suite starts from; everything is stopped and removed after each test. */
export function opener(open: OpenScheduler): () => Promise<World> {
  const running: { schedulers: Scheduler[]; harness: SchedulerHarness }[] = []
  afterEach(async () => {
    for (const { schedulers, harness } of running.splice(0)) {
      for (const scheduler of schedulers) await scheduler.stop()
      await harness.dispose?.()
    }
  })
  return async () => {
    const harness = await open()
    const { clock, pass } = harness
    const schedulers: Scheduler[] = []
    running.push({ schedulers, harness })
    const scheduler = () => {
      const made = harness.scheduler()
      schedulers.push(made)
      return made
    }
    return {
      ...harness,
      scheduler,
      async started() {
        const made = scheduler()
        const rung: Date[] = []
        await made.start({ wake: () => void rung.push(clock.now()), clock, logger: silentLogger })
        return { scheduler: made, rung }
      },
      in: (ms) => new Date(clock.now().getTime() + ms),
      async until(holds) {
        const end = clock.now().getTime() + patienceMs
        while (!(await holds())) {
          if (clock.now().getTime() > end) throw new Error(`it did not come to hold within ${patienceMs} ms`)
          await pass(stepMs)
        }
      },
    }
  }
}
