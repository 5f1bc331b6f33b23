import { randomUUID } from 'node:crypto'
import { createPostgresBackend, Queue, Worker, withBackend } from 'bullmq'
import { Redis } from 'ioredis'
import { makeDatabase } from '../databases.ts'
import { type Job, type Payload, type Peer, type PeerQueue, payloadOf } from './peer.ts'

/** The part of a job that is used after it was added. */
type Added = { readonly id?: string | undefined; changeDelay(delayMs: number): Promise<void>; remove(): Promise<void> }
type Options = { readonly jobId: string; readonly delay: number; readonly removeOnComplete: boolean }
type Handler = (job: { readonly data: Payload }) => Promise<void>

/** What differs between the databases that BullMQ works on. */
type Backend = {
  readonly add: (name: string, data: Payload, options: Options) => Promise<Added>
  readonly addBulk: (jobs: { name: string; data: Payload; opts: Options }[]) => Promise<Added[]>
  readonly work: (
    handler: Handler,
    concurrency: number,
  ) => { waitUntilReady(): Promise<unknown>; close(): Promise<void> }
  readonly close: () => Promise<void>
}

const name = 'reminder'
const concurrency = 20

function queueOn({ add, addBulk, work, close }: Backend): PeerQueue {
  /** Kept, so that moving or removing one needs no reading first. */
  const known = new Map<string, Added>()
  const jobsOf = (ids: readonly string[]) => ids.flatMap((id) => known.get(id) ?? [])
  const optionsOf = (job: Job): Options => ({
    jobId: job.id,
    delay: Math.max(0, job.runAt.getTime() - Date.now()),
    removeOnComplete: true,
  })
  return {
    async add(job) {
      known.set(job.id, await add(name, payloadOf(job), optionsOf(job)))
    },
    async addMany(jobs) {
      const added = await addBulk(jobs.map((job) => ({ name, data: payloadOf(job), opts: optionsOf(job) })))
      for (const job of added) known.set(job.id ?? '', job)
    },
    async reschedule(ids, runAt) {
      await Promise.all(jobsOf(ids).map((job) => job.changeDelay(runAt.getTime() - Date.now())))
    },
    async cancel(ids) {
      await Promise.all(jobsOf(ids).map((job) => job.remove()))
    },
    async work(onJob) {
      const worker = work(async ({ data }) => onJob(data), concurrency)
      await worker.waitUntilReady()
      return () => worker.close()
    },
    close,
  }
}

/** With an append-only file, on the disk before it is told (`always`) or a second later (`everysec`). */
export const bullmqOnRedis = (port: number, appendFsync: 'always' | 'everysec'): Peer => ({
  name: appendFsync === 'always' ? 'BullMQ on Redis' : 'BullMQ on Redis, everysec',
  durability: `appendfsync ${appendFsync}`,
  async open() {
    const connection = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null })
    const queueName = `queue-${randomUUID()}`
    const queue = new Queue<Payload>(queueName, { connection })
    await queue.waitUntilReady()
    return queueOn({
      add: (...args) => queue.add(...args),
      addBulk: (jobs) => queue.addBulk(jobs),
      work: (handler, atOnce) => new Worker<Payload>(queueName, handler, { connection, concurrency: atOnce }),
      close: async () => {
        await queue.close()
        await connection.flushall()
        await connection.quit()
      },
    })
  },
})

const OnPostgres = withBackend(createPostgresBackend)

export const bullmqOnPostgres = (server: string): Peer => ({
  name: 'BullMQ on Postgres',
  durability: 'synchronous_commit',
  async open() {
    const database = await makeDatabase(server)
    const connection = { connectionString: database.url, max: 10 }
    const queueName = 'reminders'
    const queue = new OnPostgres.Queue<Payload>(queueName, { connection: { ...connection, migrate: true } })
    await queue.waitUntilReady()
    return queueOn({
      add: (...args) => queue.add(...args),
      addBulk: (jobs) => queue.addBulk(jobs),
      work: (handler, atOnce) =>
        new OnPostgres.Worker<Payload>(queueName, handler, { connection, concurrency: atOnce }),
      close: async () => {
        await queue.close()
        await database.drop()
      },
    })
  },
})
