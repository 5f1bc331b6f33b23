import type { ReminderStore } from '../../../src/index.ts'
import { decodeReminder } from '../kysely/codecs/reminders.ts'
import type { RecordOf } from '../kysely/query.ts'
import type { Commands, Tx } from './engine.ts'

type Row = RecordOf<'appointment_reminders'>

/** Adds what the limit cut off of the appointments in `head`: nothing that is due before the last of it. */
function completed(tx: Tx, head: readonly Row[], now: number): Row[] {
  const rows = new Map(head.map((row) => [row.id, row]))
  const seen = new Set<string>()
  const from = head.at(-1)?.due_at ?? now
  for (const { appointment_id: appointmentId, organization_id: organizationId } of head) {
    const key = `${organizationId} ${appointmentId}`
    if (seen.has(key)) continue
    seen.add(key)
    for (const row of tx.statements.reminders.dueOfAppointment.all({ appointmentId, organizationId, from, now })) {
      rows.set(row.id, row)
    }
  }
  return [...rows.values()]
}

export const reminderStore = (engine: Commands): ReminderStore => ({
  get: (id) =>
    engine.read((tx) => {
      const row = tx.statements.reminders.get.get({ id })
      return row === undefined ? null : decodeReminder(row)
    }),
  list: (organizationId, appointmentId) =>
    engine.read((tx) =>
      tx.statements.reminders.list
        .all({ organizationId, appointmentId: tx.ids('appointment', appointmentId) })
        .map(decodeReminder),
    ),
  due: (now, limit) =>
    engine.snapshot((tx) => {
      const head = tx.statements.reminders.due.all({ now: now.getTime(), limit })
      return (head.length < limit ? head : completed(tx, head, now.getTime())).map(decodeReminder)
    }),
})
