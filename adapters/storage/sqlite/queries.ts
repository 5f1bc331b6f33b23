import { setImmediate } from 'node:timers'
import type { CountQuery, ReplanPage, StatisticsQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { pieces, summed } from '../kysely/counted-pieces.ts'
import type { CounterFilter } from '../kysely/statements/statistics.ts'
import { latestOf } from '../kysely/stores/upkeep.ts'
import type { OwnQueries } from '../kysely/stores.ts'
import { dueDeliveries, dueReminders } from './due.ts'
import type { Engine, Tx } from './engine.ts'

/** What SQLite answers in its own way. */
export const ownQueries = (engine: Engine): OwnQueries => {
  return {
    plans: { nextReplanPage: (now, limit) => engine.snapshot((tx) => replanPage(tx, now, limit)) },
    reminders: { due: dueReminders(engine) },
    deliveries: dueDeliveries(engine),
    requests: {
      claim: ({ caller, key, fingerprint, now, leaseUntil, expiresAt }) =>
        engine.write(({ bind, statements: { requests } }) => {
          const found = bind(requests.get).get({ caller, key })
          const before = found === undefined || found.expires_at <= now.getTime() ? undefined : found
          if (before !== undefined) {
            if (before.fingerprint !== fingerprint) return { status: 'other_request' }
            if (before.answer !== null) return { status: 'answered', answer: before.answer }
            const isBelieved = before.lease_until <= latestOf(leaseUntil)
            if (before.lease_until > now.getTime() && isBelieved) return { status: 'running' }
          }
          bind(requests.delete).run({ caller, key })
          const expiry = before === undefined ? expiresAt : new Date(before.expires_at)
          // Greater than any token before it: who was taken for dead must not answer for others.
          const token = Math.max((found?.token ?? 0) + 1, now.getTime())
          const lease = { lease_until: leaseUntil.getTime(), expires_at: expiry.getTime() }
          bind(requests.insert).run({ caller, key, fingerprint, token, answer: null, ...lease })
          return { status: 'claimed', token, expiresAt: expiry }
        }),
    },
    accounts: {
      release: ({ account, organizationId, limit, skip = 0, at }) =>
        engine.write(({ bind, statements: { accounts } }) => {
          const page = (offset: number) =>
            organizationId === undefined
              ? bind(accounts.first).all({ account, limit, offset })
              : bind(accounts.firstOf).all({ account, organizationId, limit, offset })
          const skipped = page(skip)
          const rows = skipped.length === 0 && skip > 0 ? page(0) : skipped
          for (const [index, row] of rows.entries()) {
            const due = { id: row.work_id, due_at: row.due_at, at: at.getTime() - (rows.length - 1 - index) }
            if (row.work === 'reminder') bind(accounts.reminderDue).run(due)
            else bind(accounts.deliveryDue).run(due)
            bind(accounts.unlist).run(row)
          }
          return rows.length
        }),
    },
    statistics: statisticsOf(engine),
  }
}

function replanPage({ bind, statements: { plans } }: Tx, now: Date, limit: number): ReplanPage | null {
  const job = bind(plans.oldestJob).get({})
  if (job === undefined) return null
  const { organization_id: organizationId, cursor, recipient_type: recipientType, recipient_id: recipientId } = job
  const page = { organizationId, cursor, now: now.getTime(), limit }
  if (recipientType === null || recipientId === null) {
    const lastId = bind(plans.lastOfOrganization).get({ organizationId, cursor })?.id ?? records.endOfPlans
    return {
      jobId: job.id,
      ...records.pageOfPlans(bind(plans.pageOfOrganization).all({ ...page, lastId }), limit, lastId),
    }
  }
  const recipient = { recipientType, recipientId }
  const lastId = bind(plans.lastOfRecipient).get({ ...recipient, cursor })?.id ?? records.endOfPlans
  return {
    jobId: job.id,
    ...records.pageOfPlans(bind(plans.pageOfRecipient).all({ ...page, ...recipient, lastId }), limit, lastId),
  }
}

function statisticsOf(engine: Engine): StatisticsQueries {
  /** Reads piece by piece, letting others run between. */
  async function inPieces<T>(query: CountQuery, read: (tx: Tx, filter: CounterFilter) => T[]): Promise<T[]> {
    const { organizationId = records.everybody, from, to, channel, category, provider } = query
    const [first, last] = await engine.read((tx) => {
      const counted = tx.lists.countedDays(tx.builder, organizationId)
      return [tx.bind(counted.first).get({})?.day, tx.bind(counted.last).get({})?.day]
    })
    if (first === undefined || last === undefined) return []
    const rows: T[] = []
    for (const piece of pieces({ from, to }, { from: first, to: last })) {
      const filter = { organizations: [organizationId], channel, category, provider, ...piece }
      rows.push(...(await engine.read((tx) => read(tx, filter))))
      await new Promise(setImmediate)
    }
    return rows
  }

  return {
    counts: async (query) =>
      summed(await inPieces(query, (tx, filter) => tx.bind(tx.lists.countedInAll(tx.builder, filter)).all({}))),
    countsByDay: (query) => inPieces(query, (tx, filter) => tx.bind(tx.lists.countedByDay(tx.builder, filter)).all({})),
  }
}
