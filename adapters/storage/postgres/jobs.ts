import type { JobStore } from '../../../src/index.ts'
import type { Engine } from './engine.ts'

/** Single statements: of concurrent callers the others wait for the row, and find it taken. */
export const jobStore = (engine: Engine): JobStore => ({
  acquire: (name, holder, now, until) =>
    engine.read(async ({ statements }) => {
      const times = { now: now.getTime(), lease_until: until.getTime() }
      return (await statements.jobs.acquire.run({ name, holder, ...times })).changes > 0
    }),
  release: (name, holder) =>
    engine.read(async ({ statements }) => {
      await statements.jobs.release.run({ name, holder })
    }),
})
