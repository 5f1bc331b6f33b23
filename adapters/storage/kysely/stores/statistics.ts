import type { CountQuery, StatisticsQueries } from '../../../../src/index.ts'
import { type Period, pieces, summed, summedByDay } from '../counted-pieces.ts'
import type { Reader, Tools } from '../merged-list.ts'
import type { Mode, NoArgs, Query } from '../query.ts'
import type { Runner } from '../runner.ts'
import type { CounterFilter } from '../statements/statistics.ts'

/** Organizations whose counters are read together, and the days on which anything was counted of them. */
type Part = { readonly organizations: readonly string[]; readonly counted: Period }

/** Of one organization; none where nothing was counted. */
export async function* partOf(reader: Reader, organizationId: string): AsyncGenerator<Part> {
  const [days] = await reader.ask(({ builder, lists }) => lists.countedDays(builder, organizationId))
  const { first = null, last = null } = days ?? {}
  if (first !== null && last !== null) yield { organizations: [organizationId], counted: { from: first, to: last } }
}

export type Counters = {
  /** Of all organizations where none is named. */
  readonly partsOf: (reader: Reader, organizationId: string | undefined) => AsyncIterable<Part>
  /** Details without what the database marks them with. */
  readonly detailOf: (detail: string) => string
}

/** Read in pieces, so that no statement takes long. */
export function statisticsStore<M extends Mode>(
  { reader }: Runner<M>,
  { partsOf, detailOf }: Counters,
): StatisticsQueries {
  async function inPieces<R>(
    { organizationId, from, to, channel, category, provider }: CountQuery,
    build: (tools: Tools, filter: CounterFilter) => Query<NoArgs, R>,
  ): Promise<R[]> {
    const asking = await reader()
    const rows: R[] = []
    for await (const { organizations, counted } of partsOf(asking, organizationId)) {
      for (const piece of pieces({ from, to }, counted)) {
        const filter = { organizations, channel, category, provider, ...piece }
        rows.push(...(await asking.ask((tools) => build(tools, filter))))
      }
    }
    return rows
  }

  return {
    async counts(query) {
      const rows = await inPieces(query, ({ builder, lists }, filter) => lists.countedInAll(builder, filter))
      return summed(rows.map((row) => ({ ...row, detail: detailOf(row.detail) })))
    },
    countsByDay: async (query) =>
      summedByDay(await inPieces(query, ({ builder, lists }, filter) => lists.countedByDay(builder, filter))),
  }
}
