import type { ReminderStore } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { RecordOf } from '../kysely/query.ts'
import { findDue, pageOf } from './due.ts'
import type { Commands, Tx } from './engine.ts'

type Row = RecordOf<'appointment_reminders'>

const laneOf = (row: Row) => ({ organizationId: row.organization_id, channel: row.reminder_type })

/** Adds what the limit cut off of the appointments that are there. */
function completed(tx: Tx, found: readonly Row[], now: number): Row[] {
  const rows = new Map(found.map((row) => [row.id, row]))
  const seen = new Set<string>()
  for (const row of found) {
    const of = { appointmentId: row.appointment_id, ...laneOf(row) }
    const key = JSON.stringify(of)
    if (seen.has(key)) continue
    seen.add(key)
    for (const other of tx.statements.reminders.dueOfAppointment.all({ ...of, now })) rows.set(other.id, other)
  }
  return [...rows.values()]
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
