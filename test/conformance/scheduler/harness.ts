import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, type TestContext } from 'vitest'
import { type Clock, type Scheduler, silentLogger } from '../../../src/index.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { OffsetClock } from '../../support/offset-clock.ts'

export type SchedulerHarness = {
  /** Makes one more scheduler on the same engine, as another process would. Without an engine: one more. */
  readonly scheduler: () => Scheduler
  /** Lets `ms` pass for an engine with a clock of its own, before they pass for the library. */
  readonly pass?: (ms: number) => Promise<unknown>
  /** Loses everything that the engine holds, its queue included. Left out: these tests are skipped. */
  readonly empty?: () => Promise<unknown>
  /** Stops the engine and starts it again. Left out: these tests are skipped. */
  readonly restart?: () => Promise<unknown>
  /** Releases what `open` made. Called after the schedulers were stopped. */
  readonly close?: () => Promise<unknown>
}

export type SchedulerConformanceOptions = {
  /** Of the scheduler, for the names of the tests. */
  readonly name: string
  /**
   * `driven`: time passes when a test lets it pass, so that nothing waits; for schedulers and engines that take their time from
   * `clock`, or from a clock that the harness moves in `pass`. `real`: the tests wait, for an engine on the time of its own
   * machine. Default `driven`.
   */
  readonly time?: 'driven' | 'real'
  /** Called for each test. `clock` is the one that the schedulers are started with. */
  readonly open: (context: { readonly clock: Clock }) => Promise<SchedulerHarness>
}

/** Long enough that nothing comes early by chance, short enough to be waited for in real time. */
export const soonMs = 200
/** Time given to an engine to do its part, in steps of which the first that suffices is the last. */
const stepMs = 100
const patienceMs = 30_000

export type World = Omit<SchedulerHarness, 'close'> & {
  readonly clock: Clock
  /** Lets time pass, and what it set off come to rest. */
  readonly pass: (ms: number) => Promise<void>
  /** Sets the library's time, with nothing fired on the way, as when somebody sets the clock of a machine. */
  readonly jump: (to: Date) => void
  /** A started scheduler; `rung` holds the library's time of every wake-up. */
  readonly started: () => Promise<{ readonly scheduler: Scheduler; readonly rung: Date[] }>
  /** The library's time in so many ms. */
  readonly in: (ms: number) => Date
  /** Lets time pass until it holds; `what` says in an error what did not come about. */
  readonly until: (what: string, holds: () => boolean | Promise<boolean>) => Promise<void>
}
export type OpenWorld = () => Promise<World>

/** What every part of the suite starts from; everything is stopped and removed after each test. */
export function opener({ time = 'driven', open }: SchedulerConformanceOptions): OpenWorld {
  const running: { schedulers: Scheduler[]; harness: SchedulerHarness }[] = []
  afterEach(async () => {
    for (const { schedulers, harness } of running.splice(0)) {
      for (const scheduler of schedulers) await scheduler.stop()
      await harness.close?.()
    }
  })
  return async () => {
    const { clock, pass } = clocks[time]()
    const harness = await open({ clock })
    const schedulers: Scheduler[] = []
    running.push({ schedulers, harness })
    const scheduler = () => {
      const made = harness.scheduler()
      schedulers.push(made)
      return made
    }
    const passAll = async (ms: number) => {
      await harness.pass?.(ms)
      await pass(ms)
    }
    return {
      ...harness,
      scheduler,
      clock,
      pass: passAll,
      jump: (to) => clock.jump(to),
      async started() {
        const made = scheduler()
        const rung: Date[] = []
        await made.start({ wake: () => void rung.push(clock.now()), clock, logger: silentLogger })
        return { scheduler: made, rung }
      },
      in: (ms) => new Date(clock.now().getTime() + ms),
      async until(what, holds) {
        const end = clock.now().getTime() + patienceMs
        while (!(await holds())) {
          if (clock.now().getTime() > end) throw new Error(`within ${patienceMs / 1000} s: ${what}`)
          await passAll(stepMs)
        }
      },
    }
  }
}

const clocks = {
  driven() {
    const clock = new ManualClock('2031-03-10T12:00:00Z')
    return { clock, pass: (ms: number) => clock.advance(ms) }
  },
  real: () => ({ clock: new OffsetClock(), pass: (ms: number) => wait(ms) }),
}

/** Feeds, or skips the test of a scheduler that takes no feed. */
export function feedOf(scheduler: Scheduler, { skip }: TestContext): NonNullable<Scheduler['feed']> {
  if (scheduler.feed === undefined) return skip('the scheduler has no feed()')
  return (times) => Promise.resolve(scheduler.feed?.(times))
}
