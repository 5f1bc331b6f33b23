import { setImmediate } from 'node:timers'
import type { CountQuery, StatisticsQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { pieces, summed } from '../kysely/counted-pieces.ts'
import { runAtOnce, wait } from '../kysely/runner.ts'
import type { CounterFilter } from '../kysely/statements/statistics.ts'
import { replanPage } from '../kysely/stores/planning.ts'
import { claimRequest } from '../kysely/stores/upkeep.ts'
import type { OwnQueries } from '../kysely/stores.ts'
import { dueDeliveries, dueReminders } from './due.ts'
import type { Engine, Tx } from './engine.ts'

/** What SQLite answers in its own way. */
export const ownQueries = (engine: Engine): OwnQueries => {
  return {
    plans: { nextReplanPage: (now, limit) => engine.snapshot((tx) => runAtOnce(replanPage(tx, wait, now, limit))) },
    reminders: { due: dueReminders(engine) },
    deliveries: dueDeliveries(engine),
    requests: { claim: (request) => engine.write((tx) => runAtOnce(claimRequest(tx, wait, request))) },
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
