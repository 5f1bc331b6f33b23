import { Logger, makeWorkerUtils, type Runner, run } from 'graphile-worker'
import { z } from 'zod'
import { type Engine, together } from './engine.ts'

const quiet = new Logger(() => () => {})
const payloadSchema = z.object({ id: z.number() })

/** Rows and jobs in one statement. The key of a job is its reminder, so a job that is there is replaced. */
const withJobs = (changes: string) => `with ${changes}, specs as (
    select array_agg(('reminder', json_build_object('id', id), null, at, 4, 'reminder-' || id, null, null)
      ::graphile_worker.job_spec) as list from changes where change <> 'cancelled'
  ), added as (select count(*) from specs, graphile_worker.add_jobs(specs.list) where specs.list is not null)
  select count(graphile_worker.remove_job('reminder-' || id)) filter (where change = 'cancelled'),
    (select count from added) from changes`

/** For many jobs a local queue of 5000, completed in batches; for fresh ones no queue, polled ten times a second. */
const paceOf = (joined: boolean, fresh: boolean) =>
  fresh
    ? { concurrentJobs: 10, pollInterval: 100 }
    : { concurrentJobs: joined ? 200 : 50, localQueue: { size: 5000 }, completeJobBatchDelay: 0, pollInterval: 1000 }

export const graphileWorker: Engine = {
  name: 'graphile-worker',
  durability: 'synchronous_commit',
  single: true,
  async open(url, pool) {
    const utils = await makeWorkerUtils({ connectionString: url, logger: quiet })
    await utils.migrate()
    await utils.release()
    let runner: Runner | undefined
    return {
      when: withJobs,
      change: (changes, db) =>
        db.query({
          name: 'jobs',
          text: withJobs('changes as (select * from json_to_recordset($1) as c (id int, at timestamptz, change text))'),
          values: [JSON.stringify(changes)],
        }),
      async work({ handler, fresh, joined }) {
        const one = joined ? together(handler) : (id: number) => handler([id])
        runner = await run({
          preset: { worker: { connectionString: url, maxPoolSize: 20, logger: quiet, ...paceOf(joined, fresh) } },
          taskList: { reminder: (payload) => one(payloadSchema.parse(payload).id) },
          noHandleSignals: true,
          parsedCronItems: [],
        })
      },
      async left() {
        const { rows } = await pool.query<{ count: number }>(
          'select count(*)::int as count from graphile_worker.jobs where run_at < now()',
        )
        return rows[0]?.count ?? 0
      },
      close: async () => runner?.stop(),
    }
  },
}
