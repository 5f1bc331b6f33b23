import type { JobStore } from '../../../src/index.ts'
import { leaseTimes, memberName } from '../kysely/job-leases.ts'
import type { Engine } from './engine.ts'

export const jobStore = (engine: Engine): JobStore => ({
  acquire: (name, holder, now, until) =>
    engine.write(({ statements }) => {
      const times = leaseTimes(now, until)
      return statements.jobs.acquire.run({ name, holder, ...times }).changes > 0
    }),
  release: (name, holder) =>
    engine.write(({ statements }) => {
      statements.jobs.release.run({ name, holder })
    }),
  join: (group, member, now, until) =>
    engine.write(({ statements }) => {
      const times = leaseTimes(now, until)
      statements.jobs.acquire.run({ name: memberName(group, member), holder: member, ...times })
      const of = { pattern: memberName(group, '%'), ...times }
      statements.jobs.forget.run(of)
      return statements.jobs.holders.all(of).map(({ holder }) => holder)
    }),
  leave: (group, member) =>
    engine.write(({ statements }) => {
      statements.jobs.release.run({ name: memberName(group, member), holder: member })
    }),
})
