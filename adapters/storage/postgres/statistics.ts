import type { Count, CountQuery, StatisticsStore } from '../../../src/index.ts'
import { recordOutcome } from '../kysely/commands/outcomes.ts'
import type { CounterFilter } from '../kysely/statements/statistics.ts'
import type { Engine } from './engine.ts'
import { unmarked } from './shards.ts'
import { type IdPool, runCommand } from './transaction.ts'

/** The sum of all organizations is not kept, but made when it is asked for. */
const filterOf = ({ organizationId, from, to, channel, category, provider }: CountQuery): CounterFilter => ({
  organizationId,
  from,
  to,
  channel,
  category,
  provider,
})

export const statisticsStore = (engine: Engine, pool: IdPool): StatisticsStore => ({
  counts: (query) =>
    engine.read(async ({ bind, builder, lists }) => {
      const rows = await bind(lists.countedInAll(builder, filterOf(query))).all({})
      const sums = new Map<string, Count>()
      for (const { count, channel, category, detail: marked, ...row } of rows) {
        const detail = unmarked(marked)
        const key = JSON.stringify([row.measure, channel, category, row.provider, detail])
        const sum = count + (sums.get(key)?.count ?? 0)
        sums.set(key, { ...row, channel: channel || null, category: category || null, detail, count: sum })
      }
      return [...sums.values()]
    }),
  countsByDay: (query) =>
    engine.read(({ bind, builder, lists }) => bind(lists.countedByDay(builder, filterOf(query))).all({})),
  recordOutcome: (command) =>
    runCommand(engine, pool, {
      async load({ loader, session: { ids } }) {
        const key = {
          organization_id: command.organizationId,
          appointment_id: ids('appointment', command.appointmentId),
        }
        const identity = [key.organization_id, key.appointment_id]
        await loader.advisory([{ kind: 'outcomes', identity, shared: false }])
        await loader.liveReminders([key])
        await loader.outcome(key)
      },
      run: (tx) => recordOutcome(tx, command),
    }),
})
