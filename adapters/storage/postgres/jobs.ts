import type { JobStore } from '../../../src/index.ts'
import { jobProgress, leaseTimes, memberName } from '../kysely/job-leases.ts'
import type { Engine } from './engine.ts'

/** Single statements: of concurrent callers the others wait for the row, and find it taken. */
export const jobStore = (engine: Engine): JobStore => ({
  acquire: (name, holder, now, until) =>
    engine.read(async ({ statements }) => {
      const times = leaseTimes(now, until)
      return (await statements.jobs.acquire.run({ name, holder, ...times })).changes > 0
    }),
  release: (name, holder) =>
    engine.read(async ({ statements }) => {
      if ((await statements.jobs.release.run({ name, holder })).changes > 0) return
      await statements.jobs.pause.run({ name, holder, lease_until: 0 })
    }),
  progress: (name) => engine.read(async ({ statements }) => jobProgress(await statements.jobs.progress.get({ name }))),
  keepProgress: (name, holder, progress) =>
    engine.read(
      async ({ statements }) => (await statements.jobs.keepProgress.run({ name, holder, progress })).changes > 0,
    ),
  // Not in one transaction: two who join, and each removes the other's old row, would wait in a circle.
  join: (group, member, now, until) =>
    engine.read(async ({ statements }) => {
      const times = leaseTimes(now, until)
      await statements.jobs.acquire.run({ name: memberName(group, member), holder: member, ...times })
      const of = { pattern: memberName(group, '%'), ...times }
      await statements.jobs.forget.run(of)
      return (await statements.jobs.holders.all(of)).map(({ holder }) => holder)
    }),
  leave: (group, member) =>
    engine.read(async ({ statements }) => {
      await statements.jobs.release.run({ name: memberName(group, member), holder: member })
    }),
  members: (group, now, until) =>
    engine.read(async ({ statements }) => {
      const of = { pattern: memberName(group, '%'), ...leaseTimes(now, until) }
      return (await statements.jobs.holders.all(of)).map(({ holder }) => holder)
    }),
})
