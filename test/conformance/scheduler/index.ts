/**
 * What every scheduler promises, as a vitest suite: of itself, and of the library that it wakes. A third party copies this
 * folder and gives it a harness, as test/adapters/scheduler does for those of the library.
 * @example
 * schedulerConformance('mine', async () => {
 *   const clock = new ManualClock('2031-03-10T12:00:00Z')
 *   return { scheduler: () => mine({ ... }), clock, pass: (ms) => clock.advance(ms), jump: (to) => clock.jump(to), empty, restart }
 * })
 */
import { describe } from 'vitest'
import { clocks } from './clocks.ts'
import { faults } from './faults.ts'
import { feeding } from './feeding.ts'
import { type OpenScheduler, opener, type World } from './harness.ts'
import { sending } from './sending.ts'
import { waking } from './waking.ts'

export type { OpenScheduler, SchedulerHarness } from './harness.ts'

const parts = {
  waking,
  'clocks that jump': clocks,
  'the library it wakes': sending,
  /** For schedulers with `feed`. */
  feeding,
  /** For engines that can be emptied. */
  'an engine that loses everything it holds': (open: () => Promise<World>) => faults(open, 'empty'),
  /** For engines that can be restarted. */
  'an engine that is started again': (open: () => Promise<World>) => faults(open, 'restart'),
}
export type Part = keyof typeof parts

/** `without` leaves parts out that are not for this scheduler. */
export function schedulerConformance(name: string, open: OpenScheduler, without: readonly Part[] = []): void {
  describe(`scheduler conformance: ${name}`, () => {
    const world = opener(open)
    for (const [part, suite] of Object.entries(parts)) {
      if (!without.some((one) => one === part)) describe(part, () => suite(world))
    }
  })
}
