/**
 * The careful way, which promises what the library promises: a reminder is claimed in a commit of its own before it is sent,
 * and only who still holds the claim records. A cancellation or move either comes before that commit, and nothing is sent, or
 * after it. A second message is possible only where the outcome of the first is unknown, and carries the same key.
 * Planning is declarative: twice is once, and a move plans what the new time lacks.
 */
import { randomUUID } from 'node:crypto'
import { type DueReminder, factColumns, factJoins, wantedReminders } from './reminders.ts'
import type { Db, Outcome, Step, Way } from './way.ts'
import { attempt, done, readFacts, throwIfAgain, valuesOf, writeHistory } from './way.ts'

const leaseMs = 60_000
const longestAttempts = 3
/** One due so recently may be on its way to a worker: planning again leaves it. */
const graceMs = 60_000

/** Whoever plans the same appointment, or claims its reminders, waits until this transaction ends. */
const lockReminders = `with locked as (
  select id from appointment_reminders where appointment_id = any($1::int[]) order by id for no key update)`
const lockAppointments = 'and (select count(*) from locked) >= 0 order by a.id for no key update of a'

/** Brings the reminders of appointments to what is wanted. What is claimed is left alone, or stays behind as cancelled. */
const replan = `wanted as (
    select * from unnest($1::int[], $2::text[], $3::timestamptz[], $4::int[]) as w (appointment_id, type, at, hours)
  ), live as (
    select r.*, w.at as wanted_at from appointment_reminders r left join wanted w
      on w.appointment_id = r.appointment_id and w.type = r.reminder_type and w.hours = r.hours_before_appointment
    where r.appointment_id = any($5::int[]) and r.status <> 'CANCELLED'
  ), moved as (
    update appointment_reminders r set reminder_time = l.wanted_at, updated_at = now() from live l
    where r.id = l.id and l.status = 'PENDING' and l.claim is null and l.wanted_at <> l.reminder_time
    returning r.id, r.reminder_time as at, 'moved' as change
  ), cancelled as (
    update appointment_reminders r set status = 'CANCELLED', updated_at = now() from live l
    where r.id = l.id and l.status = 'PENDING'
      and (l.wanted_at is null or l.claim is not null and l.wanted_at <> l.reminder_time)
    returning r.id, r.reminder_time as at, 'cancelled' as change
  ), planned as (
    insert into appointment_reminders (appointment_id, reminder_type, reminder_time, hours_before_appointment)
    select w.* from wanted w where not exists (
      select from live l where l.appointment_id = w.appointment_id and l.reminder_type = w.type
        and l.hours_before_appointment = w.hours
        and (l.reminder_time = w.at or l.status = 'PENDING' and l.claim is null))
    returning id, reminder_time as at, 'planned' as change
  ), changes as (select * from moved union all select * from cancelled union all select * from planned)`

async function plan(db: Db, ids: readonly number[], now: Date): Promise<Step> {
  const facts = await readFacts(db, ids, lockReminders, lockAppointments)
  const wanted = wantedReminders(facts, new Date(now.getTime() - graceMs))
  return { name: 'replan', changes: replan, values: [...wanted, ids] }
}

type Claimed = DueReminder & { readonly attempts: number }

const claim = `update appointment_reminders r
  set claim = $2, claimed_until = now() + ${leaseMs} * interval '1 millisecond', attempts = attempts + 1
  from appointments a ${factJoins}
  where r.id = any($1::int[]) and a.id = r.appointment_id and r.status = 'PENDING'
    and r.reminder_time <= now() + interval '1 second' and (r.claim is null or r.claimed_until < now())
  returning r.id, r.reminder_type, r.reminder_time, r.attempts, ${factColumns}`

/** One that was cancelled while it was being sent stays so; what went out is in the history all the same. */
const record = `with ${done}, recorded as (
    update appointment_reminders r set claim = null, claimed_until = null, error_message = d.error, updated_at = now(),
      status = case when r.status = 'PENDING' then d.outcome else r.status end,
      sent_at = case when d.outcome = 'SENT' then now() end
    from done d where r.id = d.id and r.claim = $9 returning r.appointment_id, r.reminder_type, d.*)
  ${writeHistory('recorded')}`

export const careful: Way = {
  name: 'careful',
  tables: `alter table appointment_reminders add column claim uuid, add column claimed_until timestamptz,
    add column attempts integer not null default 0`,
  locks: true,
  overdue: `select id, reminder_time as at, 'planned' as change from appointment_reminders
    where status = 'PENDING' and reminder_time < now() - interval '10 seconds' and (claim is null or claimed_until < now())
    order by reminder_time limit 1000`,
  plan,
  move: (db, id) => plan(db, [id], new Date()),
  cancel: (id) => ({
    name: 'cancel',
    changes: `changes as (
      update appointment_reminders set status = 'CANCELLED', updated_at = now()
      where appointment_id = $1 and status = 'PENDING' returning id, reminder_time as at, 'cancelled' as change)`,
    values: [id],
  }),
  async send(pool, ids, deliver) {
    const mine = randomUUID()
    // No send begins when the lease is nearly over: somebody else may claim then.
    const last = Date.now() + leaseMs - 2000
    const { rows } = await pool.query<Claimed>({ name: 'claim', text: claim, values: [ids, mine] })
    const inTime: typeof deliver = async (message) => {
      if (Date.now() > last) throw new Error('the claim is nearly over')
      await deliver(message)
    }
    const exhausted = new Set(rows.filter(({ attempts }) => attempts >= longestAttempts).map(({ id }) => id))
    const outcomes = (await attempt(rows, inTime)).map(
      (outcome): Outcome =>
        outcome.status === 'again' && exhausted.has(outcome.row.id) ? { ...outcome, status: 'FAILED' } : outcome,
    )
    await pool.query({ name: 'record', text: record, values: [...valuesOf(outcomes), mine] })
    throwIfAgain(outcomes)
  },
}
