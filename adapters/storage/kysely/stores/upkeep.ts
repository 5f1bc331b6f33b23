import type { AuditStore, JobProgress, JobStore, RequestStore, TemplateVersionQueries } from '../../../../src/index.ts'
import { clockToleranceMs } from '../../../../src/ports/storage/jobs.ts'
import * as records from '../../../../src/records/index.ts'
import { listAudit } from '../audit-list.ts'
import { lastId } from '../held.ts'
import type { Mode, RecordOf } from '../query.ts'
import type { Runner } from '../runner.ts'

/** Members of a group are jobs that each has for itself. The groups are the library's own words, without wildcards. */
const memberName = (group: string, member: string): string => `${group}:${member}`

/** The latest end of a lease that is believed, where one until `until` is asked for. */
export const latestOf = (until: Date): number => until.getTime() + clockToleranceMs

const leaseTimes = (now: Date, until: Date) => ({
  now: now.getTime(),
  lease_until: until.getTime(),
  latest: latestOf(until),
})

const jobProgress = ({
  progress,
  lease_until,
}: Pick<RecordOf<'notification_jobs'>, 'progress' | 'lease_until'>): JobProgress | null =>
  progress === null ? null : { progress, heldUntil: new Date(lease_until) }

/** Of concurrent callers the others wait for the row, and find it taken. */
export const jobStore = <M extends Mode>({ all, first, change, write }: Runner<M>): JobStore => ({
  acquire: async (name, holder, now, until) =>
    (await change(({ statements }) => statements.jobs.acquire.run({ name, holder, ...leaseTimes(now, until) }))) > 0,
  release: (name, holder) =>
    write(function* ({ statements: { jobs } }, wait) {
      const { changes } = yield* wait(jobs.release.run({ name, holder }))
      if (changes === 0) yield* wait(jobs.pause.run({ name, holder, lease_until: 0 }))
    }),
  progress: (name) => first(({ statements }) => statements.jobs.progress.get({ name }), jobProgress),
  keepProgress: async (name, holder, progress) =>
    (await change(({ statements }) => statements.jobs.keepProgress.run({ name, holder, progress }))) > 0,
  // In Postgres not in one transaction: two who join, and each removes the other's old row, would wait in a circle.
  join: (group, member, now, until) =>
    write(function* ({ statements: { jobs } }, wait) {
      const times = leaseTimes(now, until)
      yield* wait(jobs.acquire.run({ name: memberName(group, member), holder: member, ...times }))
      const of = { pattern: memberName(group, '%'), ...times }
      yield* wait(jobs.forget.run(of))
      return (yield* wait(jobs.holders.all(of))).map(({ holder }) => holder)
    }),
  leave: async (group, member) => {
    await change(({ statements }) => statements.jobs.release.run({ name: memberName(group, member), holder: member }))
  },
  members: (group, now, until) =>
    all(
      ({ statements }) => statements.jobs.holders.all({ pattern: memberName(group, '%'), ...leaseTimes(now, until) }),
      ({ holder }) => holder,
    ),
})

export const requestQueries = <M extends Mode>({ change }: Runner<M>): Omit<RequestStore, 'claim'> => ({
  answer: async ({ caller, key }, token, answer) =>
    (await change(({ statements }) => statements.requests.answer.run({ caller, key, token, answer }))) > 0,
  release: async ({ caller, key }, token) => {
    await change(({ statements }) => statements.requests.release.run({ caller, key, token, lease_until: 0 }))
  },
  purge: (now, limit) => change(({ statements }) => statements.requests.purge.run({ now: now.getTime(), limit })),
})

export const templateVersionQueries = <M extends Mode>({ all, first }: Runner<M>): TemplateVersionQueries => ({
  list: ({ organizationId, before = lastId, limit }) =>
    all(
      ({ statements }) => statements.templateVersions.page.all({ organizationId, before, limit }),
      records.decodeTemplateVersion,
    ),
  drafts: (organizationId, limit) =>
    all(
      ({ statements }) => statements.templateVersions.drafts.all({ organizationId, limit }),
      ({ version }) => version,
    ),
  get: (organizationId, version) =>
    first(
      ({ statements }) => statements.templateVersions.get.get({ organizationId, version }),
      records.decodeVersionRow,
    ),
})

export const auditStore = <M extends Mode>({ reader }: Runner<M>): AuditStore => ({
  list: async (query) => listAudit(await reader(), query),
})
