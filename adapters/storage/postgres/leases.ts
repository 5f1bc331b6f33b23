import type { DeliveryQueries } from '../../../src/index.ts'
import { leaseChallengeMs } from '../../../src/ports/storage/deliveries.ts'
import * as records from '../../../src/records/index.ts'
import type { Engine, Session } from './engine.ts'
import { heldError } from './errors.ts'
import { qualified, recordset } from './names.ts'
import { encodeRow } from './values.ts'

type Fenced = { readonly id: number | string; readonly fence: number | string }

const nameOf = ({ id, fence }: Fenced): string => `${id} ${fence}`
const namesOf = (all: readonly Fenced[]): ReadonlySet<string> => new Set(all.map(nameOf))

/** Which of these are still being sent under their fence, whoever has their rows at the moment. */
async function stillSent({ run, schema, kinds }: Session, asked: readonly Fenced[]): Promise<ReadonlySet<string>> {
  if (asked.length === 0) return new Set()
  const { rows } = await run<{ id: string; fence: string }>(
    `select t.id::text as id, t.fence::text as fence from ${recordset('notification_history', ['id', 'fence'], kinds)}
       join ${qualified(schema, 'notification_history')} as t on t.id = r.id and t.fence = r.fence
     where t.delivery_state = 'sending' and t.id = any($2::bigint[])`,
    [JSON.stringify(asked.map(({ id, fence }) => ({ id, fence }))), asked.map(({ id }) => id)],
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
      const asked = commands.map((command) => encodeRow(records.encodeRenewal(command)))
      const { rows } = await run<{ id: string; fence: string }>(
        `with mine as (
           select t.id, r.due_at, r.updated_at from ${recordset('notification_history', ['id', 'fence', 'due_at', 'updated_at'], kinds)}
             join ${table} as t on t.id = r.id and t.fence = r.fence
           where t.delivery_state = 'sending' and t.id = any($2::bigint[]) order by t.id for update of t skip locked
         )
         update ${table} as t set due_at = mine.due_at, updated_at = mine.updated_at from mine where t.id = mine.id
         returning t.id::text as id, t.fence::text as fence`,
        [JSON.stringify(asked), commands.map(({ id }) => id)],
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
      const asked = claims.map(({ id, fence, until }) => encodeRow({ id, fence, due_at: until.getTime() }))
      const { rows } = await run<{ id: string; fence: string }>(
        `with silent as (
           select t.id from ${recordset('notification_history', ['id', 'fence', 'due_at'], kinds)}
             join ${table} as t on t.id = r.id and t.fence = r.fence and t.due_at = r.due_at
           where t.delivery_state = 'sending' and t.id = any($2::bigint[]) order by t.id for update of t skip locked
         )
         update ${table} as t set due_at = t.due_at + interval '1 millisecond' * $3::int from silent
         where t.id = silent.id returning t.id::text as id, t.fence::text as fence`,
        [JSON.stringify(asked), claims.map(({ id }) => id), leaseChallengeMs],
      )
      const challenged = namesOf(rows)
      return claims.map((claim) => challenged.has(nameOf(claim)))
    })
