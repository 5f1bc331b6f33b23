import { setImmediate } from 'node:timers'
import type { CountQuery, StatisticsQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { pieces, summed } from '../kysely/counted-pieces.ts'
import type { CounterFilter } from '../kysely/statements/statistics.ts'
import type { Engine, Tx } from './engine.ts'

export const statisticsStore = (engine: Engine): StatisticsQueries => {
  /** Reads piece by piece, letting others run between. */
  async function inPieces<T>(query: CountQuery, read: (tx: Tx, filter: CounterFilter) => T[]): Promise<T[]> {
    const { organizationId = records.everybody, from, to, channel, category, provider } = query
    const [first, last] = await engine.read((tx) => {
      const counted = tx.lists.countedDays(tx.builder, organizationId)
      return [tx.bind(counted.first).get({})?.day, tx.bind(counted.last).get({})?.day]
    })
    if (first === undefined || last === undefined) return []
    const rows: T[] = []
    for (const piece of pieces({ from, to }, { from: first, to: last })) {
      const filter = { organizations: [organizationId], channel, category, provider, ...piece }
      rows.push(...(await engine.read((tx) => read(tx, filter))))
      await new Promise(setImmediate)
    }
    return rows
  }

  return {
    counts: async (query) =>
      summed(await inPieces(query, (tx, filter) => tx.bind(tx.lists.countedInAll(tx.builder, filter)).all({}))),
    countsByDay: (query) => inPieces(query, (tx, filter) => tx.bind(tx.lists.countedByDay(tx.builder, filter)).all({})),
  }
}
