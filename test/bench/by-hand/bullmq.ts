import { type Job, Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { type Engine, together } from './engine.ts'
import type { Change } from './way.ts'

type Payload = { readonly id: number }
const name = 'reminder'

/** A job has the id of its reminder, so nothing has to be kept. */
const jobId = ({ id }: Pick<Change, 'id'>) => `reminder-${id}`
const delayOf = ({ at }: Change) => Math.max(0, at.getTime() - Date.now())
const jobOf = (change: Change) => ({
  name,
  data: { id: change.id },
  opts: {
    ...{ jobId: jobId(change), delay: delayOf(change), attempts: 4, backoff: { type: 'fixed', delay: 1000 } },
    ...{ removeOnComplete: true, removeOnFail: true },
  },
})

/** On Redis, with an append-only file: jobs follow the rows when these are committed. */
export const bullmq = (redis: { readonly port: number } | { readonly path: string }): Engine => ({
  name: 'BullMQ',
  durability: 'synchronous_commit and appendfsync always',
  single: true,
  async open() {
    const connection = new Redis({ ...redis, maxRetriesPerRequest: null })
    await connection.flushall()
    const queue = new Queue<Payload>('reminders', { connection })
    await queue.waitUntilReady()
    let worker: Worker<Payload> | undefined
    return {
      when: 'after',
      async change(changes) {
        const of = (kind: Change['change']) => changes.filter(({ change }) => change === kind)
        const move = async (moved: Change) => {
          const job: Job<Payload> | undefined = await queue.getJob(jobId(moved))
          await job?.changeDelay(delayOf(moved))
        }
        await Promise.all([
          queue.addBulk(of('planned').map(jobOf)),
          ...of('moved').map(move),
          ...of('cancelled').map((one) => queue.remove(jobId(one))),
        ])
      },
      async work({ handler, joined }) {
        const one = joined ? together(handler) : (id: number) => handler([id])
        const concurrency = joined ? 200 : 50
        worker = new Worker<Payload>('reminders', ({ data }) => one(data.id), { connection, concurrency })
        worker.on('error', (error) => console.error(error))
        await worker.waitUntilReady()
      },
      left: async () =>
        Object.values(await queue.getJobCounts('active', 'wait')).reduce((sum, count) => sum + count, 0),
      async close() {
        await worker?.close()
        await queue.close()
        await connection.flushall()
        await connection.quit()
      },
    }
  },
})
