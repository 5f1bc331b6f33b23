import type pg from 'pg'
import { PgBoss } from 'pg-boss'
import type { Engine } from './engine.ts'
import type { Change, Db } from './way.ts'

const queue = 'reminders'
type Payload = { readonly id: number }

/** A job has the id of its reminder, so nothing has to be kept. */
const uuid = ({ id }: Pick<Change, 'id'>) => `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`
const jobOf = (change: Change) => ({ id: uuid(change), data: { id: change.id }, startAfter: change.at })
const over = (db: Db) => ({ executeSql: (text: string, values?: unknown[]) => db.query(text, values) })

/** Its own connections fetch and complete; what changes jobs goes over the transaction of the rows. */
export const pgBoss: Engine = {
  name: 'pg-boss',
  durability: 'synchronous_commit',
  single: false,
  async open(url, pool: pg.Pool) {
    const boss = new PgBoss({ connectionString: url, max: 10, schedule: false, openTelemetry: { enabled: false } })
    boss.on('error', (error) => console.error(error))
    await boss.start()
    await boss.createQueue(queue, { retryLimit: 3, retryDelay: 1 })
    return {
      when: 'within',
      /** Moved is deleted and inserted, which is two statements for all jobs of an appointment; `update` takes one job. */
      async change(changes, db) {
        const gone = changes.filter(({ change }) => change !== 'planned').map(uuid)
        const coming = changes.filter(({ change }) => change !== 'cancelled').map(jobOf)
        if (gone.length > 0) await boss.deleteJob(queue, gone, { db: over(db) })
        if (coming.length > 0) await boss.insert(queue, coming, { db: over(db), returnId: false })
      },
      /** Batches fetched without a pause while they are full; the shortest polling that it allows. */
      work({ handler, fresh }) {
        const settings = fresh ? { batchSize: 100, localConcurrency: 1 } : { batchSize: 500, localConcurrency: 2 }
        return boss.work<Payload>(
          queue,
          { ...settings, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true },
          (jobs) => handler(jobs.map(({ data }) => data.id)),
        )
      },
      async left() {
        const { rows } = await pool.query<{ count: number }>(
          `select count(*)::int as count from pgboss.job where name = $1 and state < 'completed' and start_after < now()`,
          [queue],
        )
        return rows[0]?.count ?? 0
      },
      close: () => boss.stop({ graceful: false }),
    }
  },
}
