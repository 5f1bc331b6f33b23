import type { PlanPage, ReplanPage } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { Database, Engine } from './engine.ts'
import { busyError, isLockTimeout } from './errors.ts'
import { takeLocks } from './locks.ts'
import { qualified } from './names.ts'
import { decodeRow } from './values.ts'

type Job = records.Row<'replan_jobs'>

/** See the statements of the same names in `kysely/statements/plans.ts`; these run in the transaction that has the lock. */
async function pageOf({ run, schema, kinds }: Database, job: Job, now: Date, limit: number): Promise<PlanPage> {
  const plans = qualified(schema, 'reminder_plans')
  const links = qualified(schema, 'reminder_plan_recipients')
  const { organization_id, cursor, recipient_type, recipient_id } = job
  const skipped = `limit 1 offset ${records.plansAtOnce - 1}`
  const last =
    recipient_type === null
      ? await run<{ id: string }>(
          `select id from ${plans} where organization_id = $1 and id > $2 order by id ${skipped}`,
          [organization_id, cursor],
        )
      : await run<{ id: string }>(
          `select plan_id as id from ${links} where recipient_type = $1 and recipient_id = $2 and plan_id > $3
           order by plan_id ${skipped}`,
          [recipient_type, recipient_id, cursor],
        )
  const lastId = Number(last.rows[0]?.id ?? records.endOfPlans)
  const values = [organization_id, cursor, lastId, now, limit]
  const rest = `plan.organization_id = $1 and plan.id > $2 and plan.id <= $3::bigint and plan.starts_at > $4
    and plan.status = 'active' order by plan.id limit $5`
  const found =
    recipient_type === null
      ? await run<records.Row<'reminder_plans'>>(`select plan.* from ${plans} as plan where ${rest}`, values)
      : await run<records.Row<'reminder_plans'>>(
          `select plan.* from ${links} as link join ${plans} as plan on plan.id = link.plan_id
           where link.recipient_type = $6 and link.recipient_id = $7 and ${rest}`,
          [...values, recipient_type, recipient_id],
        )
  return records.pageOfPlans(
    found.rows.map((row) => decodeRow(row, kinds)),
    limit,
    lastId,
  )
}

/** Enough for plans that are made meanwhile, and nothing that who makes the next one notices. */
const shortlyMs = 200

/**
 * Ids are given before the commit, so a plan that is still being inserted may have a lower id than one that is there
 * already: the page waits until no insertion is under way, or its cursor would pass that plan for ever. Only shortly,
 * though, and then it is `storage_busy`: the server lets nobody else begin an insertion while the page waits, and a host
 * may hold its transaction open for as long as it likes.
 */
export async function replanPage(engine: Engine, now: Date, limit: number): Promise<ReplanPage | null> {
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
    const { rows } = await database.run<Job>(
      `select * from ${qualified(database.schema, 'replan_jobs')} order by id limit 1`,
    )
    const [job] = rows.map((row) => decodeRow(row, database.kinds))
    if (job === undefined) return null
    return { jobId: job.id, ...(await pageOf(database, job, now, limit)) }
  })
}
