import type {
  AuditStore,
  JobProgress,
  JobStore,
  RequestClaim,
  RequestStore,
  TemplateVersionQueries,
} from '../../../../src/index.ts'
import { clockToleranceMs } from '../../../../src/ports/storage/jobs.ts'
import * as records from '../../../../src/records/index.ts'
import { listAudit } from '../audit-list.ts'
import { lastId } from '../held.ts'
import type { Mode, RecordOf } from '../query.ts'
import type { Runner, Steps } from '../runner.ts'

/** Members of a group are jobs that each has for itself. The groups are the library's own words, without wildcards. */
const memberName = (group: string, member: string): string => `${group}:${member}`

/** The latest end of a lease that is believed, where one until `until` is asked for. */
const latestOf = (until: Date): number => until.getTime() + clockToleranceMs

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
    (await change(({ jobs }) => [jobs.acquire, { name, holder, ...leaseTimes(now, until) }])) > 0,
  release: (name, holder) =>
    write(function* ({ bind, statements: { jobs } }, wait) {
      const { changes } = yield* wait(bind(jobs.release).run({ name, holder }))
      if (changes === 0) yield* wait(bind(jobs.pause).run({ name, holder, lease_until: 0 }))
    }),
  progress: (name) => first(({ jobs }) => [jobs.progress, { name }], jobProgress),
  keepProgress: async (name, holder, progress) =>
    (await change(({ jobs }) => [jobs.keepProgress, { name, holder, progress }])) > 0,
  // In Postgres not in one transaction: two who join, and each removes the other's old row, would wait in a circle.
  join: (group, member, now, until) =>
    write(function* ({ bind, statements: { jobs } }, wait) {
      const times = leaseTimes(now, until)
      yield* wait(bind(jobs.acquire).run({ name: memberName(group, member), holder: member, ...times }))
      const of = { pattern: memberName(group, '%'), ...times }
      yield* wait(bind(jobs.forget).run(of))
      return (yield* wait(bind(jobs.holders).all(of))).map(({ holder }) => holder)
    }),
  leave: async (group, member) => {
    await change(({ jobs }) => [jobs.release, { name: memberName(group, member), holder: member }])
  },
  members: (group, now, until) =>
    all(
      ({ jobs }) => [jobs.holders, { pattern: memberName(group, '%'), ...leaseTimes(now, until) }],
      ({ holder }) => holder,
    ),
})

export const requestQueries = <M extends Mode>({ change, write }: Runner<M>): RequestStore => ({
  claim: ({ caller, key, fingerprint, now, leaseUntil, expiresAt }) =>
    write(function* ({ bind, statements: { requests } }, wait): Steps<RequestClaim> {
      const times = { ...leaseTimes(now, leaseUntil), expires_at: expiresAt.getTime() }
      // Anew where what stood in the way was removed between the two statements.
      for (;;) {
        const won = yield* wait(bind(requests.claim).get({ caller, key, fingerprint, token: now.getTime(), ...times }))
        if (won !== undefined) return { status: 'claimed', token: won.token, expiresAt: new Date(won.expires_at) }
        const found = yield* wait(bind(requests.get).get({ caller, key }))
        if (found === undefined) continue
        if (found.fingerprint !== fingerprint) return { status: 'other_request' }
        return found.answer === null ? { status: 'running' } : { status: 'answered', answer: found.answer }
      }
    }),
  answer: async ({ caller, key }, token, answer) =>
    (await change(({ requests }) => [requests.answer, { caller, key, token, answer }])) > 0,
  release: async ({ caller, key }, token) => {
    await change(({ requests }) => [requests.release, { caller, key, token, lease_until: 0 }])
  },
  purge: (now, limit) => change(({ requests }) => [requests.purge, { now: now.getTime(), limit }]),
})

export const templateVersionQueries = <M extends Mode>({ all, first }: Runner<M>): TemplateVersionQueries => ({
  list: ({ organizationId, before = lastId, limit }) =>
    all(
      ({ templateVersions }) => [templateVersions.page, { organizationId, before, limit }],
      records.decodeTemplateVersion,
    ),
  drafts: (organizationId, limit) =>
    all(
      ({ templateVersions }) => [templateVersions.drafts, { organizationId, limit }],
      ({ version }) => version,
    ),
  get: (organization_id, version) =>
    first(({ templateVersions }) => [templateVersions.get, { organization_id, version }], records.decodeVersionRow),
})

export const auditStore = <M extends Mode>({ reader }: Runner<M>): AuditStore => ({
  list: async (query) => listAudit(await reader(), query),
})
