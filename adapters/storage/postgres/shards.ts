import type * as records from '../../../src/records/index.ts'
import type { Session } from './engine.ts'
import { listed } from './listed.ts'
import { keysOf } from './locks.ts'
import { qualified } from './names.ts'

/**
 * A transaction of the host may be open for long, and everybody else counts in the same few rows. So it counts in rows of
 * its own beside them, marked in `detail`, which the readers add up. They are few: a mark is one of a small number that no
 * other transaction of the host has at that time.
 */
const mark = '\u001f'
const marks = 16

type Counted = records.Row<'notification_counters'>

/** The statement that counts so, and its values. */
export function countingApart(
  { schema, kinds }: Session,
  rows: readonly Counted[],
): readonly [sql: string, values: readonly unknown[]] {
  const key = ['organization_id', 'day', 'measure', 'channel', 'category', 'provider', 'detail'] as const
  const organizations = [...new Set(rows.map((row) => row.organization_id))]
  const places = organizations.map((id) => keysOf(schema, 'counters', [id])[1] * marks)
  const [space] = keysOf(schema, 'counters', [])
  const { from, values } = listed('notification_counters', [...key, 'count'], rows, kinds, 4)
  return [
    `with marks as (
       select o.organization_id, coalesce(
         (select i::text from generate_series(0, ${marks - 1}) as i where pg_try_advisory_xact_lock($1, o.place + i) limit 1),
         pg_current_xact_id()::text
       ) as mark from unnest($2::text[], $3::int[]) as o(organization_id, place)
     )
     insert into ${qualified(schema, 'notification_counters')} as t (${key.join(', ')}, count)
     select r.organization_id, day, measure, channel, category, provider, detail || chr(31) || marks.mark, count
     from ${from} join marks using (organization_id)
     order by 1, 2, 3, 4, 5, 6, 7 on conflict (${key.join(', ')}) do update set count = t.count + excluded.count`,
    [space, organizations, places, ...values],
  ]
}

/** The detail without the mark. */
export const unmarked = (detail: string): string => detail.split(mark, 1)[0] ?? detail
