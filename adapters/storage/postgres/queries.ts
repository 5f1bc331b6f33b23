import type { ReplanPage } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { runAwaiting, wait } from '../kysely/runner.ts'
import { replanPage as nextPage } from '../kysely/stores/planning.ts'
import { partOf, statisticsStore } from '../kysely/stores/statistics.ts'
import type { OwnQueries } from '../kysely/stores.ts'
import { findDue } from './due.ts'
import type { Database, Engine } from './engine.ts'
import { busyError, isLockTimeout } from './errors.ts'
import { takeLocks } from './locks.ts'
import { qualified } from './names.ts'
import { runnerOn } from './runner.ts'
import { unmarked } from './shards.ts'

/** Enough for plans that are made meanwhile, and nothing that who makes the next one notices. */
const shortlyMs = 200

/**
 * Ids are given before the commit, so a plan that is still being inserted may have a lower id than one that is there
 * already: the page waits until no insertion is under way, or its cursor would pass that plan for ever. Only shortly,
 * though, and then it is `storage_busy`: the server lets nobody else begin an insertion while the page waits, and a host
 * may hold its transaction open for as long as it likes.
 */
async function replanPage(engine: Engine, now: Date, limit: number): Promise<ReplanPage | null> {
  const oldest = ({ bind, statements }: Database) => bind(statements.plans.oldestJob).get({})
  if ((await engine.read(oldest)) === undefined) return null
  const waitMs = Math.min(shortlyMs, engine.limits.busyTimeoutMs)
  return engine.write(async (database) => {
    await database.run(`set local lock_timeout = ${waitMs}`)
    await takeLocks(database.run, database.schema, [
      { kind: 'plans', identity: [], shared: false },
      { kind: 'host plans', identity: [], shared: false },
    ]).catch((error) => {
      throw isLockTimeout(error) ? busyError(waitMs, error) : error
    })
    return runAwaiting(nextPage(database, wait, now, limit))
  })
}

/** Read at a time: with the days of a piece, some ten thousand rows. */
const organizationsAtOnce = 20

type Organization = { readonly id: string; readonly first: string; readonly last: string }

/** The next organizations that anything was counted of, and their first and last day: a few steps in the key for each. */
function nextOrganizations(schema: string): string {
  const counters = qualified(schema, 'notification_counters')
  const day = (order: 'asc' | 'desc') =>
    `(select day from ${counters} where organization_id = found.id order by day ${order} limit 1)`
  return `with recursive found(id) as (
      (select organization_id from ${counters} where organization_id > $1 order by organization_id limit 1)
      union all
      select (select organization_id from ${counters} where organization_id > found.id order by organization_id limit 1)
      from found where found.id is not null
    )
    select id, ${day('asc')} as first, ${day('desc')} as last
    from (select id from found where id is not null limit ${organizationsAtOnce}) as found`
}

/** The sum of all organizations is not kept, but made when it is asked for: some of them at a time. */
async function* everyPart(engine: Engine) {
  for (let after = ''; ; ) {
    const asked = after
    const { rows } = await engine.read(({ run, schema }) => run<Organization>(nextOrganizations(schema), [asked]))
    const last = rows.at(-1)
    if (last === undefined) return
    const [from = last.first] = rows.map(({ first }) => first).sort()
    const to =
      rows
        .map((row) => row.last)
        .sort()
        .at(-1) ?? last.last
    yield { organizations: rows.map(({ id }) => id), counted: { from, to } }
    after = last.id
  }
}

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
