/** The limit of a queue: the jobs of the reminders alone, without rows, and handlers that do nothing. */
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { hourMs } from '../clinic.ts'
import type { Contestant } from '../contest.ts'
import { makeDatabase } from '../databases.ts'
import { inBatches, inTransaction } from './contestant.ts'
import type { Engine } from './engine.ts'
import type { Change } from './way.ts'

const hoursBefore = [24, 24, 2, 2]

export const emptyJobs = (server: string, engine: Engine): Contestant => ({
  name: `${engine.name}, empty jobs`,
  durability: engine.durability,
  async open({ startOf }) {
    const database = await makeDatabase(server)
    const pool = new pg.Pool({ connectionString: database.url, max: 20 })
    const jobs = await engine.open(database.url, pool)
    let [pending, over, postponed] = [0, 0, 0]
    async function change(ids: readonly number[], kind: Change['change']): Promise<void> {
      const changes = ids.flatMap((id) =>
        hoursBefore.map((hours, index) => ({
          id: id * hoursBefore.length + index,
          at: new Date(startOf(id).getTime() + (postponed - hours) * hourMs),
          change: kind,
        })),
      )
      // Moving may take several statements; one commit is enough for them.
      if (kind === 'moved' && jobs.when === 'within')
        await inTransaction(pool, (client) => jobs.change(changes, client))
      else await jobs.change(changes, pool)
      if (kind === 'planned') pending += changes.length
    }
    return {
      planMany: (ids) => inBatches(ids, (part) => change(part, 'planned')),
      plan: (id) => change([id], 'planned'),
      move: (id) => change([id], 'moved'),
      cancel: (id) => change([id], 'cancelled'),
      async postpone(_ids, hours) {
        postponed += hours
      },
      async start(pace) {
        const handler = async (ids: readonly number[]) => {
          over += ids.length
        }
        await jobs.work({ handler, joined: false, fresh: pace === 'fresh' })
      },
      async sent(count) {
        while (over < count || (await jobs.left()) > 0) await wait(5)
      },
      pending: async () => pending,
      history: async () => over,
      settle: async () => void (await pool.query('vacuum analyze')),
      async close() {
        await jobs.close()
        await pool.end()
        await database.drop()
      },
    }
  },
})
