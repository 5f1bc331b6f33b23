import { type ReminderStore, sendQueueKey } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { RecordOf } from '../kysely/query.ts'
import { findDue, pageOf } from './due.ts'
import type { Commands, Tx } from './engine.ts'

type Row = RecordOf<'appointment_reminders'>

const laneOf = (row: Row) => ({ organizationId: row.organization_id, channel: row.reminder_type })

/** Adds what the limit cut off of the appointments that are there. */
function completed(tx: Tx, found: readonly Row[], now: number): readonly Row[] {
  const keyOf = (row: Row) => `${row.appointment_id} ${sendQueueKey(laneOf(row))}`
  const seen = new Set(found.map(keyOf))
  const others = tx.statements.reminders.dueBeside.all({
    appointmentIds: JSON.stringify([...new Set(found.map((row) => row.appointment_id))]),
    ids: JSON.stringify(found.map(({ id }) => id)),
    now,
  })
  return [...found, ...others.filter((row) => seen.has(keyOf(row)))]
}

export const dueReminders =
  (engine: Commands): ReminderStore['due'] =>
  (query) =>
    engine.snapshot((tx) => {
      const found = findDue(tx.statements.reminders.due, laneOf, query)
      const isCut = found.more.length > 0
      return pageOf(
        isCut ? { ...found, rows: completed(tx, found.rows, query.now.getTime()) } : found,
        records.decodeReminder,
      )
    })
