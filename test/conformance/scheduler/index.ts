import { describe } from 'vitest'
import { clocks } from './clocks.ts'
import { faults } from './faults.ts'
import { feeding } from './feeding.ts'
import { opener, type SchedulerConformanceOptions } from './harness.ts'
import { sending } from './sending.ts'
import { waking } from './waking.ts'

export type { SchedulerConformanceOptions, SchedulerHarness } from './harness.ts'

/**
 * Declares the tests that every scheduler passes: its own contract, and reminders that are sent once, at their time, by a library
 * that it wakes. Needs `better-sqlite3` and `kysely`.
 * @example
 * schedulerConformance({
 *   name: 'mine',
 *   async open({ clock }) {
 *     const queue = new MyQueue(clock)
 *     return { scheduler: () => myScheduler(queue), empty: () => queue.clear() }
 *   },
 * })
 */
export function schedulerConformance(options: SchedulerConformanceOptions): void {
  describe(`scheduler conformance: ${options.name}`, () => {
    const open = opener(options)
    describe('waking', () => waking(open))
    describe('clocks that jump', () => clocks(open))
    describe('the library it wakes', () => sending(open))
    describe('feeding', () => feeding(open))
    describe('an engine that loses everything it holds', () => faults(open, 'empty'))
    describe('an engine that is started again', () => faults(open, 'restart'))
  })
}
