import * as records from '../../../src/records/index.ts'
import type { RecordOf } from '../kysely/query.ts'
import type { DueDeliveries } from '../kysely/stores.ts'
import { findDue, pageOf } from './due.ts'
import type { Commands, Tx } from './engine.ts'

const laneOf = (row: RecordOf<'notification_history'>) => ({
  organizationId: row.organization_id,
  channel: row.notification_type,
})

const beforeAll = new Date(-8_640_000_000_000_000)

const earliest = (...instants: (number | null | undefined)[]): Date | null => {
  const known = instants.filter((value) => typeof value === 'number')
  return known.length === 0 ? null : new Date(Math.min(...known))
}

/** Goes from one time to the next along the index, past all rows that share one. */
function dueTimes({ statements }: Tx, after: number, until: number, limit: number): Date[] {
  const times: Date[] = []
  for (let last = after; times.length < limit; ) {
    const past = { now: last }
    const next = earliest(
      statements.reminders.due.next.get(past)?.due_at,
      statements.deliveries.due.next.get(past)?.due_at,
    )
    if (next === null || next.getTime() > until) break
    times.push(next)
    last = next.getTime()
  }
  return times
}

export const dueDeliveries = (engine: Commands): DueDeliveries => ({
  due: (query) =>
    engine.snapshot((tx) => pageOf(findDue(tx.statements.deliveries.due, laneOf, query), records.decodeDelivery)),
  nextDueAt: (after = beforeAll) =>
    engine.snapshot(({ statements }) => {
      const since = { now: after.getTime() }
      return earliest(
        statements.reminders.due.next.get(since)?.due_at,
        statements.deliveries.due.next.get(since)?.due_at,
      )
    }),
  dueTimes: (after, until, limit) => engine.snapshot((tx) => dueTimes(tx, after.getTime(), until.getTime(), limit)),
  challenge: (claims) =>
    engine.write(({ statements }) =>
      claims.map((claim) => statements.deliveries.challenge.run(records.encodeChallenge(claim)).changes > 0),
    ),
  renew: (commands) =>
    engine.write(({ statements }) =>
      commands.map((command) => statements.deliveries.renew.run(records.encodeRenewal(command)).changes > 0),
    ),
})
