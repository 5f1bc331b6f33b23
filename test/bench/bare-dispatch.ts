/** The limit of dispatching: the same rows of the same tables claimed in one commit and settled in another, with nothing decided or rendered. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { onClient } from './databases.ts'
import { openRaw } from './raw.ts'

/** The library's own batch. */
const batch = 500
const leaseMs = 60_000
const subject = 'Reminder: your appointment on April 2, 2027 at 2:00 PM'
const text = 'x'.repeat(220)
const entries = JSON.stringify([{ text: 'x'.repeat(140) }])

type Due = {
  id: number
  organization_id: string
  appointment_id: number
  recipient_type: string
  recipient_id: number
  reminder_type: string
}

/** Claims and settles what is due `now`; tells how many it were. */
export function onSqlite(path: string, now: number): number {
  const database = openRaw(path)
  const read = database.prepare<unknown[], Due>(
    'select * from appointment_reminders where due_at <= ? order by due_at, id limit ?',
  )
  const insert = database.prepare(`insert into notification_history (notification_type, notification_category,
    recipient_type, recipient_id, recipient_email, subject, message, template_revision, appointment_id, created_at,
    updated_at, organization_id, delivery_state, due_at, fence, attempts, unknown_outcomes, reminder_id, provider,
    idempotency_key) values (?, 'REMINDER', ?, ?, ?, ?, ?, 'default:1', ?, ?, ?, ?, 'sending', ?, 1, 1, 0, ?, 'capture', ?)`)
  const claim = database.prepare(
    'update appointment_reminders set due_at = null, notification_id = ?, subject = ?, message = ?, updated_at = ? where id = ?',
  )
  const decide = database.prepare(
    'insert into notification_decisions (organization_id, appointment_id, at, entries) values (?, ?, ?, ?)',
  )
  const settle = database.prepare(`update notification_history set status = 'SENT', delivery_state = 'settled',
    due_at = null, sent_at = ?, provider_message_id = ?, updated_at = ? where id = ?`)
  const finish = database.prepare(
    `update appointment_reminders set status = 'SENT', sent_at = ?, updated_at = ? where id = ? and status = 'PENDING'`,
  )
  const commitIntents = database.transaction((rows: Due[]) =>
    rows.map((row) => {
      const { reminder_type, recipient_type, recipient_id, appointment_id, organization_id, id } = row
      const key = randomUUID()
      const about = [reminder_type, recipient_type, recipient_id, 'p12345@example.org', subject, text, appointment_id]
      const { lastInsertRowid } = insert.run(...about, now, now, organization_id, now + leaseMs, id, key)
      claim.run(lastInsertRowid, subject, text, now, id)
      decide.run(organization_id, appointment_id, now, entries)
      return { delivery: lastInsertRowid, id, key }
    }),
  )
  const settleAll = database.transaction((sent: ReturnType<typeof commitIntents>) => {
    for (const { delivery, id, key } of sent) {
      settle.run(now, key, now, delivery)
      finish.run(now, now, id)
    }
  })
  let count = 0
  for (let rows = read.all(now, batch); rows.length > 0; rows = read.all(now, batch)) {
    settleAll(commitIntents(rows))
    count += rows.length
  }
  database.close()
  return count
}

const claim = `
  with due as materialized (
    select * from appointment_reminders where due_at <= $1 order by due_at, id limit ${batch} for update
  ), delivery as (
    insert into notification_history (notification_type, notification_category, recipient_type, recipient_id,
      recipient_email, subject, message, template_revision, appointment_id, created_at, updated_at, organization_id,
      delivery_state, due_at, fence, attempts, unknown_outcomes, reminder_id, provider, idempotency_key)
    select reminder_type, 'REMINDER', recipient_type, recipient_id, 'p12345@example.org', $2, $3, 'default:1',
      appointment_id, $1, $1, organization_id, 'sending', $4, 1, 1, 0, id, 'capture', gen_random_uuid()::text
    from due returning id, reminder_id
  ), claimed as (
    update appointment_reminders as t set due_at = null, notification_id = delivery.id, subject = $2, message = $3,
      updated_at = $1 from delivery where t.id = delivery.reminder_id
  ), decided as (
    insert into notification_decisions (organization_id, appointment_id, at, entries)
    select organization_id, appointment_id, $1, $5::jsonb from due
  ) select id, reminder_id from delivery`

const settle = `
  with settled as (
    update notification_history set status = 'SENT', delivery_state = 'settled', due_at = null, sent_at = $1,
      provider_message_id = idempotency_key, updated_at = $1 where id = any($2::bigint[])
  ) update appointment_reminders set status = 'SENT', sent_at = $1, updated_at = $1
    where id = any($3::bigint[]) and status = 'PENDING'`

const claimed = z.array(z.object({ id: z.coerce.number(), reminder_id: z.coerce.number() }))

/** The same on Postgres, in two statements of one round trip each. */
export const onPostgres = (url: string, now: number): Promise<number> =>
  onClient(url, async (client) => {
    const [at, until] = [new Date(now), new Date(now + leaseMs)]
    let count = 0
    for (;;) {
      const { rows } = await client.query({ name: 'claim', text: claim, values: [at, subject, text, until, entries] })
      const found = claimed.parse(rows)
      if (found.length === 0) return count
      const ids = [found.map(({ id }) => id), found.map(({ reminder_id }) => reminder_id)]
      await client.query({ name: 'settle', text: settle, values: [at, ...ids] })
      count += found.length
    }
  })
