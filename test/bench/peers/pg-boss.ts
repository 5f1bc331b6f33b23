import { PgBoss } from 'pg-boss'
import { makeDatabase } from '../databases.ts'
import { type Job, type Payload, type Peer, payloadOf } from './peer.ts'

const queue = 'reminders'
const jobOf = (job: Job) => ({ id: job.id, data: payloadOf(job), startAfter: job.runAt })

/** Batches of 1000 fetched without a pause while they are full; the shortest polling that it allows. */
export const pgBoss = (server: string): Peer => ({
  name: 'pg-boss',
  durability: 'synchronous_commit',
  async open() {
    const database = await makeDatabase(server)
    const boss = new PgBoss({
      connectionString: database.url,
      max: 10,
      schedule: false,
      openTelemetry: { enabled: false },
    })
    boss.on('error', () => {})
    await boss.start()
    await boss.createQueue(queue)
    return {
      async add(job) {
        await boss.send(queue, payloadOf(job), { id: job.id, startAfter: job.runAt })
      },
      async addMany(jobs) {
        await boss.insert(queue, jobs.map(jobOf))
      },
      async reschedule(ids, runAt) {
        await Promise.all(ids.map((id) => boss.update(queue, undefined, { id, startAfter: runAt })))
      },
      async cancel(ids) {
        await boss.cancel(queue, [...ids])
      },
      async work(onJob) {
        const settings = { batchSize: 1000, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true, localConcurrency: 2 }
        await boss.work<Payload>(queue, settings, async (jobs) => {
          for (const { data } of jobs) onJob(data)
        })
        return () => boss.offWork(queue)
      },
      async close() {
        await boss.stop({ graceful: false })
        await database.drop()
      },
    }
  },
})
