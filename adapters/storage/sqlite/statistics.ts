import type { Count, CountQuery, StatisticsStore } from '../../../src/index.ts'
import { everybody } from '../kysely/commands/counters.ts'
import { recordOutcome } from '../kysely/commands/outcomes.ts'
import type { CounterFilter } from '../kysely/statements/statistics.ts'
import type { Engine } from './engine.ts'

/** Days read at a time: a few thousand rows, so that the event loop is not held longer than some milliseconds. */
const pieceDays = 92
const dayMs = 86_400_000

const addDays = (day: string, days: number): string =>
  new Date(Date.parse(day) + days * dayMs).toISOString().slice(0, 10)

/** The period, as far as anything was counted in it, in pieces. */
function pieces(from: string, to: string): { from: string; to: string }[] {
  const found: { from: string; to: string }[] = []
  for (let start = from; start <= to; start = addDays(start, pieceDays)) {
    const end = addDays(start, pieceDays - 1)
    found.push({ from: start, to: end < to ? end : to })
  }
  return found
}

const later = (one: string | undefined, other: string): string => (one === undefined || one < other ? other : one)
const earlier = (one: string | undefined, other: string): string => (one === undefined || one > other ? other : one)

export const statisticsStore = (engine: Engine): StatisticsStore => {
  /** Reads piece by piece, letting others run between. */
  async function inPieces<T>(
    query: CountQuery,
    read: (tx: Parameters<Parameters<typeof engine.read>[0]>[0], filter: CounterFilter) => T[],
  ): Promise<T[]> {
    const { organizationId = everybody, from, to, channel, category, provider } = query
    const known = await engine.read((tx) => {
      const { first, last } = tx.lists.countedDays(tx.builder, organizationId)
      return { first: tx.bind(first).get({})?.day, last: tx.bind(last).get({})?.day }
    })
    if (known.first === undefined || known.last === undefined) return []
    const rows: T[] = []
    for (const piece of pieces(later(from, known.first), earlier(to, known.last))) {
      const filter = { organizationId, channel, category, provider, ...piece }
      rows.push(...(await engine.read((tx) => read(tx, filter))))
      await new Promise(setImmediate)
    }
    return rows
  }

  return {
    async counts(query) {
      const sums = new Map<string, Count>()
      const rows = await inPieces(query, (tx, filter) => tx.bind(tx.lists.countedInAll(tx.builder, filter)).all({}))
      for (const { channel, category, ...row } of rows) {
        const key = `${row.measure}|${channel}|${category}|${row.provider}|${row.detail}`
        const count = row.count + (sums.get(key)?.count ?? 0)
        sums.set(key, {
          ...row,
          count,
          channel: channel === '' ? null : channel,
          category: category === '' ? null : category,
        })
      }
      return [...sums.values()]
    },
    countsByDay: (query) => inPieces(query, (tx, filter) => tx.bind(tx.lists.countedByDay(tx.builder, filter)).all({})),
    recordOutcome: (command) => engine.write((tx) => recordOutcome(tx, command)),
  }
}
