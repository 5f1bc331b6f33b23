import type { DeliveryQueries } from '../../../src/index.ts'
import { leaseChallengeMs } from '../../../src/ports/storage/deliveries.ts'
import * as records from '../../../src/records/index.ts'
import type { Engine, Session } from './engine.ts'
import { heldError } from './errors.ts'
import { listed } from './listed.ts'
import { qualified } from './names.ts'

type Fenced = { readonly id: number | string; readonly fence: number | string }

const nameOf = ({ id, fence }: Fenced): string => `${id} ${fence}`
const namesOf = (all: readonly Fenced[]): ReadonlySet<string> => new Set(all.map(nameOf))

/** Which of these are still being sent under their fence, whoever has their rows at the moment. */
async function stillSent({ run, schema, kinds }: Session, asked: readonly Fenced[]): Promise<ReadonlySet<string>> {
  if (asked.length === 0) return new Set()
  const { from, values } = listed('notification_history', ['id', 'fence'], asked, kinds)
  const { rows } = await run<{ id: string; fence: string }>(
    `select t.id::text as id, t.fence::text as fence from ${from}
       join ${qualified(schema, 'notification_history')} as t on t.id = r.id and t.fence = r.fence
     where t.delivery_state = 'sending' and t.id = any($1::bigint[])`,
    values,
  )
  return namesOf(rows)
}

export const renewing =
  (engine: Engine): DeliveryQueries['renew'] =>
  (commands) =>
    engine.read(async (session) => {
      const { run, schema, kinds } = session
      if (commands.length === 0) return []
      const table = qualified(schema, 'notification_history')
      const asked = commands.map(records.encodeRenewal)
      const { from, values } = listed('notification_history', ['id', 'fence', 'due_at', 'updated_at'], asked, kinds)
      const { rows } = await run<{ id: string; fence: string }>(
        `with mine as (
           select t.id, r.due_at, r.updated_at from ${from}
             join ${table} as t on t.id = r.id and t.fence = r.fence
           where t.delivery_state = 'sending' and t.id = any($1::bigint[]) order by t.id for update of t skip locked
         )
         update ${table} as t set due_at = mine.due_at, updated_at = mine.updated_at from mine where t.id = mine.id
         returning t.id::text as id, t.fence::text as fence`,
        values,
      )
      const renewed = namesOf(rows)
      const left = commands.filter((command) => !renewed.has(nameOf(command)))
      if ((await stillSent(session, left)).size > 0) throw heldError()
      return commands.map((command) => renewed.has(nameOf(command)))
    })

/** A row that somebody else has is not challenged: whoever has it is doing something about it, or is looked at again. */
export const challenging =
  (engine: Engine): DeliveryQueries['challenge'] =>
  (claims) =>
    engine.read(async ({ run, schema, kinds }) => {
      if (claims.length === 0) return []
      const table = qualified(schema, 'notification_history')
      const asked = claims.map(({ id, fence, until }) => ({ id, fence, due_at: until.getTime() }))
      const { from, values } = listed('notification_history', ['id', 'fence', 'due_at'], asked, kinds)
      const { rows } = await run<{ id: string; fence: string }>(
        `with silent as (
           select t.id from ${from}
             join ${table} as t on t.id = r.id and t.fence = r.fence and t.due_at = r.due_at
           where t.delivery_state = 'sending' and t.id = any($1::bigint[]) order by t.id for update of t skip locked
         )
         update ${table} as t set due_at = t.due_at + interval '1 millisecond' * $4::int from silent
         where t.id = silent.id returning t.id::text as id, t.fence::text as fence`,
        [...values, leaseChallengeMs],
      )
      const challenged = namesOf(rows)
      return claims.map((claim) => challenged.has(nameOf(claim)))
    })
