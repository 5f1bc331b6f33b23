import { embeddedScheduler, engineScheduler } from '../../../src/index.ts'
import { schedulerConformance } from '../../conformance/scheduler/index.ts'
import { MemoryEngine } from '../../support/memory-engine.ts'

schedulerConformance({ name: 'embedded', open: async () => ({ scheduler: () => embeddedScheduler() }) })

schedulerConformance({
  name: 'an engine in memory',
  async open({ clock }) {
    const engine = new MemoryEngine(clock)
    return { scheduler: () => engineScheduler(engine.side()), empty: async () => engine.empty() }
  },
})
