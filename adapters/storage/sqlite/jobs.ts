import type { JobStore } from '../../../src/index.ts'
import { jobProgress, leaseTimes, memberName } from '../kysely/job-leases.ts'
import type { Engine } from './engine.ts'

export const jobStore = (engine: Engine): JobStore => ({
  acquire: (name, holder, now, until) =>
    engine.write(({ statements }) => {
      const times = leaseTimes(now, until)
      return statements.jobs.acquire.run({ name, holder, ...times }).changes > 0
    }),
  release: (name, holder) =>
    engine.write(({ statements }) => {
      if (statements.jobs.release.run({ name, holder }).changes > 0) return
      statements.jobs.pause.run({ name, holder, lease_until: 0 })
    }),
  progress: (name) => engine.read(({ statements }) => jobProgress(statements.jobs.progress.get({ name }))),
  keepProgress: (name, holder, progress) =>
    engine.write(({ statements }) => statements.jobs.keepProgress.run({ name, holder, progress }).changes > 0),
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
  members: (group, now, until) =>
    engine.read(({ statements }) => {
      const of = { pattern: memberName(group, '%'), ...leaseTimes(now, until) }
      return statements.jobs.holders.all(of).map(({ holder }) => holder)
    }),
})
