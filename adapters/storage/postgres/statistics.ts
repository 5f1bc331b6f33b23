import type { CountQuery, StatisticsStore } from '../../../src/index.ts'
import { recordOutcome } from '../kysely/commands/outcomes.ts'
import type { CounterFilter } from '../kysely/statements/statistics.ts'
import type { Engine } from './engine.ts'
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
      return rows.map(({ channel, category, ...row }) => ({
        ...row,
        channel: channel === '' ? null : channel,
        category: category === '' ? null : category,
      }))
    }),
  countsByDay: (query) =>
    engine.read(({ bind, builder, lists }) => bind(lists.countedByDay(builder, filterOf(query))).all({})),
  recordOutcome: (command) =>
    runCommand(engine, pool, {
      async load(loader, { ids }) {
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
