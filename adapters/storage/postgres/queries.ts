import * as records from '../../../src/records/index.ts'
import { partOf, statisticsStore } from '../kysely/stores/statistics.ts'
import type { OwnQueries } from '../kysely/stores.ts'
import { findDue } from './due.ts'
import type { Engine } from './engine.ts'
import { replanPage } from './replan.ts'
import { runnerOn } from './runner.ts'
import { unmarked } from './shards.ts'
import { everyPart } from './statistics.ts'

/** What Postgres answers in its own way. */
export const ownQueries = (engine: Engine): OwnQueries => ({
  plans: { nextReplanPage: (now, limit) => replanPage(engine, now, limit) },
  reminders: {
    due: (query) =>
      engine.read((database) => findDue(database, 'appointment_reminders', records.decodeReminder, query)),
  },
  deliveries: {
    due: (query) => engine.read((database) => findDue(database, 'notification_history', records.decodeDelivery, query)),
  },
  statistics: statisticsStore(runnerOn(engine), {
    partsOf: (reader, organizationId) =>
      organizationId === undefined ? everyPart(engine) : partOf(reader, organizationId),
    detailOf: unmarked,
  }),
})
