/** That the queues do the job they are measured by: each on its real server, in both ways. */
import { expect, it } from 'vitest'
import { openDatabase } from '../../support/postgres-server.ts'
import { hasRedis, startRedis } from '../../support/redis-server.ts'
import { dayMs, hourMs, idsFrom } from '../clinic.ts'
import type { Opening } from '../contest.ts'
import { silent } from '../transports.ts'
import { bullmq } from './bullmq.ts'
import { careful } from './careful.ts'
import { byHand } from './contestant.ts'
import { emptyJobs } from './empty.ts'
import type { Engine } from './engine.ts'
import { graphileWorker } from './graphile-worker.ts'
import { pgBoss } from './pg-boss.ts'
import type { Message } from './reminders.ts'
import { usual } from './usual.ts'

const redis = hasRedis ? await startRedis() : null
const { url: server } = await openDatabase()
const engines: readonly Engine[] = [pgBoss, graphileWorker, ...(redis === null ? [] : [bullmq({ path: redis.path })])]
const contestants = engines.flatMap((engine) =>
  [usual, careful].flatMap((way) =>
    [false, ...(engine.single ? [true] : [])].map((joined) => ({ engine, way, joined })),
  ),
)

const [stays, isCancelled, isPutOff, isBroughtForward, isLast] = [1, 2, 3, 4, 5]
const ids = idsFrom(stays, isLast)

/** Hours are a fraction here, so milliseconds are not exact. */
const tenths = (ms: number) => Math.round(ms / 100) * 100

it.each(contestants.map((one) => [byHand(server, one.engine, one.way, one.joined).name, one] as const))(
  '%s sends each reminder once, one that was moved at its new time, one that was cancelled not at all',
  async (_name, { engine, way, joined }) => {
    // Opening takes a while, and what is due by then would not be planned: starts come near afterwards.
    const far = Date.now() + 10 * dayMs
    const startOf = (id: number) => {
      if (id === isBroughtForward) return new Date(far + dayMs + hourMs + 1500)
      return new Date(far + dayMs + (id === isLast ? 3000 : 2000))
    }
    const sent: { readonly message: Message; readonly at: number }[] = []
    const outlet: Opening['outlet'] = {
      transport: silent,
      env: {},
      deliver: async (message) => void sent.push({ message, at: Date.now() }),
    }
    const contest = await byHand(server, engine, way, joined).open({ ids, startOf, phones: true, outlet })
    try {
      const base = Date.now()
      await contest.postpone(ids, (base - far) / hourMs)
      await contest.planMany(ids)
      expect(await contest.pending()).toBe(4 * ids.length)
      await contest.start('fresh')
      await contest.cancel(isCancelled)
      await contest.postpone([isPutOff], 1)
      await contest.move(isPutOff)
      await contest.postpone([isBroughtForward], -1)
      await contest.move(isBroughtForward)
      await contest.sent(6)
      const due = sent.map(
        ({ message }) => `${message.channel} ${tenths(message.due.getTime() - base)} to ${message.to}`,
      )
      expect(due.sort()).toEqual(
        [
          [stays, 2000],
          [isBroughtForward, 1500],
          [isLast, 3000],
        ]
          .flatMap(([id, ms]) => [`EMAIL ${ms} to p${id}@example.org`, `SMS ${ms} to +1415${2_000_000 + Number(id)}`])
          .sort(),
      )
      for (const { message, at } of sent) expect(at).toBeGreaterThanOrEqual(message.due.getTime() - 1)
      expect(await contest.history()).toBe(6)
      // Those of two hours before, and those of a day before of the appointment that was put off.
      expect(await contest.pending()).toBe(2 * 4 + 2)
    } finally {
      await contest.close()
    }
  },
)

it.each(engines.map((engine) => [engine.name, engine] as const))(
  '%s works off empty jobs that are due, and no others',
  async (_name, engine) => {
    const startOf = (id: number) => new Date(Date.now() + dayMs + (id === isPutOff ? hourMs : -1000))
    const outlet: Opening['outlet'] = { transport: silent, env: {}, deliver: async () => {} }
    const contest = await emptyJobs(server, engine).open({ ids, startOf, phones: true, outlet })
    try {
      await contest.planMany(ids)
      await contest.cancel(isCancelled)
      await contest.start('many')
      await contest.sent(6)
      expect(await contest.history()).toBe(6)
    } finally {
      await contest.close()
    }
  },
)
