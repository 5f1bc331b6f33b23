/**
 * The usual way: read, send, record. It is quick, and promises less. A crash after the sends and before the record sends a
 * batch again, and a cancellation between the read and the send is not seen.
 */
import { type DueReminder, factColumns, factJoins, wantedReminders } from './reminders.ts'
import { attempt, done, readFacts, throwIfAgain, valuesOf, type Way, writeHistory } from './way.ts'

const due = `select r.id, r.reminder_type, r.reminder_time, ${factColumns}
  from appointment_reminders r join appointments a on a.id = r.appointment_id ${factJoins}
  where r.id = any($1::int[]) and r.status = 'PENDING'`

const record = `with ${done}, recorded as (
    update appointment_reminders r set status = d.outcome, error_message = d.error, updated_at = now(),
      sent_at = case when d.outcome = 'SENT' then now() end
    from done d where r.id = d.id and r.status = 'PENDING' returning r.appointment_id, r.reminder_type, d.*)
  ${writeHistory('recorded')}`

export const usual: Way = {
  name: 'usual',
  tables: '',
  locks: false,
  overdue: null,
  async plan(db, ids, now) {
    return {
      name: 'plan',
      changes: `changes as (
        insert into appointment_reminders (appointment_id, reminder_type, reminder_time, hours_before_appointment)
        select * from unnest($1::int[], $2::text[], $3::timestamptz[], $4::int[])
        returning id, reminder_time as at, 'planned' as change)`,
      values: wantedReminders(await readFacts(db, ids), now),
    }
  },
  async move(_db, id) {
    return {
      name: 'move',
      changes: `changes as (
        update appointment_reminders r set updated_at = now(),
          reminder_time = a.starts_at - r.hours_before_appointment * interval '1 hour'
        from appointments a where a.id = $1 and r.appointment_id = a.id and r.status = 'PENDING'
        returning r.id, r.reminder_time as at, 'moved' as change)`,
      values: [id],
    }
  },
  cancel: (id) => ({
    name: 'cancel',
    changes: `changes as (
      update appointment_reminders set status = 'CANCELLED', updated_at = now()
      where appointment_id = $1 and status = 'PENDING' returning id, reminder_time as at, 'cancelled' as change)`,
    values: [id],
  }),
  async send(pool, ids, deliver) {
    const { rows } = await pool.query<DueReminder>({ name: 'due', text: due, values: [ids] })
    const outcomes = await attempt(rows, deliver)
    const settled = outcomes.filter(({ status }) => status !== 'again')
    await pool.query({ name: 'record', text: record, values: valuesOf(settled) })
    throwIfAgain(outcomes)
  },
}
