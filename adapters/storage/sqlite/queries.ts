import * as records from '../../../src/records/index.ts'
import { runAtOnce, wait } from '../kysely/runner.ts'
import { replanPage } from '../kysely/stores/planning.ts'
import { partOf, statisticsStore } from '../kysely/stores/statistics.ts'
import type { OwnQueries } from '../kysely/stores.ts'
import { dueDeliveries, dueReminders } from './due.ts'
import type { Engine } from './engine.ts'
import { runnerOn } from './runner.ts'

/** What SQLite answers in its own way. */
export const ownQueries = (engine: Engine): OwnQueries => ({
  plans: { nextReplanPage: (now, limit) => engine.snapshot((tx) => runAtOnce(replanPage(tx, wait, now, limit))) },
  reminders: { due: dueReminders(engine) },
  deliveries: { due: dueDeliveries(engine) },
  statistics: statisticsStore(runnerOn(engine), {
    partsOf: (reader, organizationId = records.everybody) => partOf(reader, organizationId),
    detailOf: (detail) => detail,
  }),
})
