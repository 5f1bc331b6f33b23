import type { Engine } from './engine.ts'
import { qualified } from './names.ts'

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

/** The sum of all organizations is not kept, but made when it is asked for: some of them at a time. */
export async function* everyPart(engine: Engine) {
  for (let after = ''; ; ) {
    const asked = after
    const { rows } = await engine.read(({ run, schema }) => run<Organization>(nextOrganizations(schema), [asked]))
    const last = rows.at(-1)
    if (last === undefined) return
    const [from = last.first] = rows.map(({ first }) => first).sort()
    const to =
      rows
        .map((row) => row.last)
        .sort()
        .at(-1) ?? last.last
    yield { organizations: rows.map(({ id }) => id), counted: { from, to } }
    after = last.id
  }
}
