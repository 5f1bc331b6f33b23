import { attendanceKey, attendanceOf, type OutcomeCommand, systemActor } from '../../../../src/index.ts'
import { appendAudit } from './audit.ts'
import { createTally, dayOf } from './counters.ts'
import type { Tx } from './tx.ts'

/** The counter moves with the outcome: each appointment is counted once, under what was recorded of it last. */
export function recordOutcome(tx: Tx, command: OutcomeCommand): void {
  const { organizationId, outcome, startsAt, at, by = systemActor } = command
  const appointmentId = tx.ids('appointment', command.appointmentId)
  const { statistics, reminders } = tx.statements
  const sent = reminders.live
    .all({ organizationId, appointmentId })
    .filter((row) => row.status === 'SENT' && row.recipient_type !== 'PRACTITIONER')
    .filter((row) => row.starts_at === startsAt.getTime())
    .map((row) => ({ channel: row.reminder_type, hoursBefore: row.hours_before_appointment }))
  const day = dayOf(startsAt)
  const detail = attendanceKey(attendanceOf(outcome, sent))
  const before = statistics.outcome.get({ appointmentId, organizationId })
  const tally = createTally()
  if (before !== undefined) tally.add({ organizationId, detail: before.detail }, 'OUTCOME', before.day, -1)
  tally.add({ organizationId, detail }, 'OUTCOME', day)
  tally.write(tx)
  statistics.recordOutcome.run({
    appointment_id: appointmentId,
    organization_id: organizationId,
    outcome,
    day,
    detail,
    recorded_at: at.getTime(),
  })
  const target = { type: 'appointment', id: String(appointmentId) } as const
  appendAudit(tx, { organizationId, at, actor: by, action: 'outcome.recorded', target, detail: { outcome } })
}
