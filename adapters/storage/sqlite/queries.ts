import * as records from '../../../src/records/index.ts'
import { runAtOnce, wait } from '../kysely/runner.ts'
import { replanPage } from '../kysely/stores/planning.ts'
import { partOf, statisticsStore } from '../kysely/stores/statistics.ts'
import { claimRequest } from '../kysely/stores/upkeep.ts'
import type { OwnQueries } from '../kysely/stores.ts'
import { dueDeliveries, dueReminders } from './due.ts'
import type { Engine } from './engine.ts'
import { runnerOn } from './runner.ts'

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
    statistics: statisticsStore(runnerOn(engine), {
      partsOf: (reader, organizationId = records.everybody) => partOf(reader, organizationId),
      detailOf: (detail) => detail,
    }),
  }
}
