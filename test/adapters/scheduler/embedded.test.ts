import { embeddedScheduler, engineScheduler } from '../../../src/index.ts'
import { schedulerConformance } from '../../conformance/scheduler/index.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { MemoryEngine } from '../../support/memory-engine.ts'

const noon = '2031-03-10T12:00:00Z'
const manual = (clock: ManualClock) => ({
  clock,
  pass: (ms: number) => clock.advance(ms),
  jump: (to: Date) => clock.jump(to),
})

schedulerConformance(
  'embedded',
  async () => ({ scheduler: () => embeddedScheduler(), ...manual(new ManualClock(noon)) }),
  ['feeding', 'an engine that loses everything it holds', 'an engine that is started again'],
)

schedulerConformance('an engine in memory', async () => {
  const clock = new ManualClock(noon)
  const engine = new MemoryEngine(clock)
  return { scheduler: () => engineScheduler(engine.side()), ...manual(clock), empty: async () => engine.empty() }
}, ['an engine that is started again'])
