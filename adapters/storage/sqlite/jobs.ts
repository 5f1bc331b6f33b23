import type { JobStore } from '../../../src/index.ts'
import { memberName } from '../kysely/statements/member-name.ts'
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
  join: (group, member, now, until) =>
    engine.write(({ statements }) => {
      const times = { now: now.getTime(), lease_until: until.getTime() }
      statements.jobs.acquire.run({ name: memberName(group, member), holder: member, ...times })
      const of = { pattern: memberName(group, '%'), now: now.getTime() }
      statements.jobs.forget.run(of)
      return statements.jobs.holders.all(of).map(({ holder }) => holder)
    }),
  leave: (group, member) =>
    engine.write(({ statements }) => {
      statements.jobs.release.run({ name: memberName(group, member), holder: member })
    }),
})
