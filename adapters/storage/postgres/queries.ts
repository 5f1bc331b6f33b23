import * as records from '../../../src/records/index.ts'
import { runAwaiting, wait } from '../kysely/runner.ts'
import { partOf, statisticsStore } from '../kysely/stores/statistics.ts'
import { claimRequest } from '../kysely/stores/upkeep.ts'
import type { OwnQueries } from '../kysely/stores.ts'
import { findDue } from './due.ts'
import type { Engine } from './engine.ts'
import { challenging, renewing } from './leases.ts'
import { qualified } from './names.ts'
import { notification } from './notify.ts'
import { replanPage } from './replan.ts'
import { runnerOn } from './runner.ts'
import { unmarked } from './shards.ts'
import { everyPart } from './statistics.ts'

/**
 * What is released is made due in one statement: a row that somebody else holds is left for the next call, with its
 * entry.
 */
function releaseSql(schema: string, ofOrganization: boolean): string {
  const waiting = qualified(schema, 'notification_waiting')
  const due = (table: string, work: string, state: string) => `
    update ${qualified(schema, table)} as t set due_at = $2::timestamptz - taken.place * interval '1 ms' from taken
    where taken.work = '${work}' and t.id = taken.work_id and t.due_at = taken.due_at and t.due_at > $2::timestamptz and ${state}`
  return `with listed as (
      delete from ${waiting} where (account, due_at, work, work_id) in (
        select account, due_at, work, work_id from ${waiting} where account = $1 ${ofOrganization ? 'and organization_id = $5' : ''}
        order by due_at, work, work_id limit $3 offset $4 for update skip locked)
      returning due_at, work, work_id
    ), taken as (
      select *, row_number() over (order by due_at desc, work desc, work_id desc) - 1 as place from listed
    ), reminders as (${due('appointment_reminders', 'reminder', `t.status = 'PENDING'`)}),
    deliveries as (${due('notification_history', 'delivery', `t.delivery_state = 'queued'`)})
    select count(*)::text as count from taken`
}

/** What Postgres answers in its own way. */
export function ownQueries(engine: Engine): OwnQueries {
  return {
    plans: { nextReplanPage: (now, limit) => replanPage(engine, now, limit) },
    reminders: {
      due: (query) =>
        engine.read((database) => findDue(database, 'appointment_reminders', records.decodeReminder, query)),
    },
    deliveries: {
      due: (query) =>
        engine.read((database) => findDue(database, 'notification_history', records.decodeDelivery, query)),
      challenge: challenging(engine),
      renew: renewing(engine),
    },
    requests: {
      claim: (request) => engine.write((database) => runAwaiting(claimRequest(database, wait, request))),
    },
    accounts: {
      release: ({ account, organizationId, limit, skip = 0, at }) =>
        engine.write(async (session) => {
          const { run, schema } = session
          const release = async (offset: number): Promise<number> => {
            const own = organizationId === undefined ? [] : [organizationId]
            const { rows } = await run<{ count: string }>(releaseSql(schema, own.length > 0), [
              account,
              at.toISOString(),
              limit,
              offset,
              ...own,
            ])
            return Number(rows[0]?.count)
          }
          const released = (await release(skip)) || (skip === 0 ? 0 : await release(0))
          if (released > 0) await run(...notification(session))
          return released
        }),
    },
    statistics: statisticsStore(runnerOn(engine), {
      partsOf: (reader, organizationId) =>
        organizationId === undefined ? everyPart(engine) : partOf(reader, organizationId),
      detailOf: unmarked,
    }),
  }
}
