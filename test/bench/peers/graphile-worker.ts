import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import { z } from 'zod'
import { makeDatabase } from '../databases.ts'
import { type Job, type Peer, payloadOf } from './peer.ts'

const identifier = 'reminder'
const quiet = new Logger(() => () => {})
const payloadSchema = z.object({ id: z.string(), runAt: z.number(), channel: z.string() })

/** For many jobs a local queue of 5000 for 100 at once, completed in batches; for fresh ones no queue, polled ten times a second. */
export const graphileWorker = (server: string): Peer => ({
  name: 'graphile-worker',
  durability: 'synchronous_commit',
  async open() {
    const database = await makeDatabase(server)
    const utils = await makeWorkerUtils({ connectionString: database.url, maxPoolSize: 10, logger: quiet })
    await utils.migrate()
    /** Its own ids, by ours. */
    const known = new Map<string, string>()
    const idsOf = (ids: readonly string[]) => ids.flatMap((id) => known.get(id) ?? [])
    const specOf = (job: Job) => ({ identifier, payload: payloadOf(job), runAt: job.runAt })
    return {
      async add(job) {
        const { id } = await utils.addJob(identifier, payloadOf(job), { runAt: job.runAt })
        known.set(job.id, id)
      },
      async addMany(jobs) {
        const added = await utils.addJobs(jobs.map(specOf))
        for (const [index, { id }] of added.entries()) known.set(jobs[index]?.id ?? '', id)
      },
      async reschedule(ids, runAt) {
        await utils.rescheduleJobs(idsOf(ids), { runAt })
      },
      async cancel(ids) {
        await utils.completeJobs(idsOf(ids))
      },
      async work(onJob, fresh) {
        const batches = { concurrentJobs: 100, localQueue: { size: 5000 }, completeJobBatchDelay: 0 }
        const runner = await run({
          preset: {
            worker: {
              connectionString: database.url,
              maxPoolSize: 20,
              logger: quiet,
              ...(fresh ? { concurrentJobs: 10, pollInterval: 100 } : batches),
            },
          },
          taskList: { [identifier]: (payload) => onJob(payloadSchema.parse(payload)) },
          noHandleSignals: true,
          parsedCronItems: [],
        })
        return () => runner.stop()
      },
      async close() {
        await utils.release()
        await database.drop()
      },
    }
  },
})
