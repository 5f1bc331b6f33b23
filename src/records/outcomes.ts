import { attendanceKey, attendanceOf, leadTimeOf } from '../domain/attendance.ts'
import type { IdCodec } from '../ports/rows/ids.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Command, type Rows, read } from '../ports/rows/rows.ts'
import type { OutcomeCommand } from '../ports/storage/statistics.ts'
import { systemActor } from '../schemas/audit.ts'
import { appendAudit } from './audit.ts'
import { dayOf, type Tally, tallied } from './counters.ts'

const appointmentOf = ({ organizationId, appointmentId }: OutcomeCommand, ids: IdCodec) => ({
  appointment_id: ids('appointment', appointmentId),
  organization_id: organizationId,
})

/** The counter moves with the outcome: each appointment is counted once, under what was recorded of it last. */
function recordOutcome(rows: Rows, command: OutcomeCommand, tally: Tally): true {
  const { organizationId, outcome, startsAt, timeZone, at, by = systemActor } = command
  const of = appointmentOf(command, rows.ids)
  const sent = rows
    .list(keys.liveReminders, of)
    .filter((row) => row.status === 'SENT' && row.recipient_type !== 'PRACTITIONER')
    .filter((row) => row.starts_at === startsAt.getTime())
    .map((row) => ({ channel: row.reminder_type, hoursBefore: row.hours_before_appointment }))
  const day = dayOf(startsAt)
  const planned = rows.get(keys.planCreated, of)?.created_at
  const bookedAt = command.bookedAt ?? (planned === undefined ? null : new Date(planned))
  const detail = attendanceKey(attendanceOf(outcome, sent, leadTimeOf(bookedAt, startsAt, timeZone)))
  const before = rows.get(keys.outcome, of)
  if (before !== undefined) tally.add({ organizationId, detail: before.detail }, 'OUTCOME', before.day, -1)
  tally.add({ organizationId, detail }, 'OUTCOME', day)
  rows.deleteBy('appointment_outcomes', of)
  rows.append('appointment_outcomes', { ...of, outcome, day, detail, recorded_at: at.getTime() })
  const target = { type: 'appointment', id: String(of.appointment_id) } as const
  appendAudit(rows, { organizationId, at, actor: by, action: 'outcome.recorded', target, detail: { outcome } })
  return true
}

/** `StatisticsStore.recordOutcome`. */
export const outcomes: Command<OutcomeCommand, true> = {
  absences: (command, ids) => [{ key: keys.outcome, of: appointmentOf(command, ids), way: 'ends' }],
  stages: [
    (command, { ids }) => [
      read(keys.planCreated, appointmentOf(command, ids), 'none'),
      read(keys.liveReminders, appointmentOf(command, ids), 'none'),
      read(keys.outcome, appointmentOf(command, ids), 'none'),
    ],
  ],
  run: tallied(recordOutcome),
  held: null,
}
