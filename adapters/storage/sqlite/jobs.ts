import type { JobStore } from '../../../src/index.ts'
import type { Engine } from './engine.ts'

export const jobStore = (engine: Engine): JobStore => ({
  acquire: (name, holder, now, until) =>
    engine.write(({ statements }) => {
      const times = { now: now.getTime(), lease_until: until.getTime() }
      return statements.jobs.acquire.run({ name, holder, ...times }).changes > 0
    }),
  release: (name, holder) =>
    engine.write(({ statements }) => {
      statements.jobs.release.run({ name, holder })
    }),
})
