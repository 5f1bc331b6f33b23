import type { CountQuery, StatisticsQueries } from '../../../src/index.ts'
import { type Period, pieces, summed, summedByDay } from '../kysely/counted-pieces.ts'
import type { CounterFilter } from '../kysely/statements/statistics.ts'
import type { Database, Engine } from './engine.ts'
import { qualified } from './names.ts'
import { unmarked } from './shards.ts'

/** Read at a time: with the days of a piece, some ten thousand rows. */
const organizationsAtOnce = 20

type Organization = { readonly id: string; readonly first: string; readonly last: string }

/** The next organizations that anything was counted of, and their first and last day: a few steps in the key for each. */
function nextOrganizations(schema: string): string {
  const counters = qualified(schema, 'notification_counters')
  const day = (order: 'asc' | 'desc') =>
    `(select day from ${counters} where organization_id = found.id order by day ${order} limit 1)`
  return `with recursive found(id) as (
      (select organization_id from ${counters} where organization_id > $1 order by organization_id limit 1)
      union all
      select (select organization_id from ${counters} where organization_id > found.id order by organization_id limit 1)
      from found where found.id is not null
    )
    select id, ${day('asc')} as first, ${day('desc')} as last
    from (select id from found where id is not null limit ${organizationsAtOnce}) as found`
}

export const statisticsStore = (engine: Engine): StatisticsQueries => {
  const namesOf = (after: string) =>
    engine.read(async ({ run, schema }) => (await run<Organization>(nextOrganizations(schema), [after])).rows)

  async function* parts({ organizationId }: CountQuery): AsyncGenerator<{ organizations: string[]; counted: Period }> {
    if (organizationId !== undefined) {
      const counted = await daysOf(engine, organizationId)
      if (counted !== null) yield { organizations: [organizationId], counted }
      return
    }
    for (let after = ''; ; ) {
      const found = await namesOf(after)
      const last = found.at(-1)
      if (last === undefined) return
      const from = found.map(({ first }) => first).sort()[0] ?? last.first
      const to =
        found
          .map((one) => one.last)
          .sort()
          .at(-1) ?? last.last
      yield { organizations: found.map(({ id }) => id), counted: { from, to } }
      after = last.id
    }
  }

  /** The sum of all organizations is not kept, but made when it is asked for: some of them at a time, and some of the days. */
  async function inPieces<T>(query: CountQuery, read: (database: Database, filter: CounterFilter) => Promise<T[]>) {
    const { from, to, channel, category, provider } = query
    const rows: T[] = []
    for await (const { organizations, counted } of parts(query)) {
      for (const piece of pieces({ from, to }, counted)) {
        const filter = { organizations, channel, category, provider, ...piece }
        rows.push(...(await engine.read((database) => read(database, filter))))
      }
    }
    return rows
  }

  return {
    counts: async (query) =>
      summed(
        await inPieces(query, async ({ bind, builder, lists }, filter) =>
          (await bind(lists.countedInAll(builder, filter)).all({})).map((row) => ({
            ...row,
            detail: unmarked(row.detail),
          })),
        ),
      ),
    countsByDay: async (query) =>
      summedByDay(
        await inPieces(query, ({ bind, builder, lists }, filter) => bind(lists.countedByDay(builder, filter)).all({})),
      ),
  }
}

async function daysOf(engine: Engine, organizationId: string): Promise<Period | null> {
  return engine.read(async ({ bind, builder, lists }) => {
    const { first, last } = lists.countedDays(builder, organizationId)
    const from = (await bind(first).get({}))?.day
    const to = (await bind(last).get({}))?.day
    return from === undefined || to === undefined ? null : { from, to }
  })
}
