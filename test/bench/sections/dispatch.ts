import { randomUUID } from 'node:crypto'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { capture } from 'appointment-notifications/capture'
import type Database from 'better-sqlite3'
import { clockAhead, hourMs, idsFrom, minuteMs, openClinic } from '../clinic.ts'
import { expectCount, type Line, rates, type Sample, timed } from '../measure.ts'
import { openRaw } from '../raw.ts'

const rounds = 3
const appointments = 10_000
/** One e-mail and one SMS a day before; those two hours before stay pending. */
const due = appointments * 2
const batch = 500

/** All due reminders of a file, by the library: truth, decision, text, intent, capture, outcome. */
async function ours(path: string, base: number): Promise<Sample> {
  const outbox = capture()
  let ahead = 0
  const library = await openClinic({
    path,
    transport: outbox,
    startOf: (id) => new Date(base + 24 * hourMs + minuteMs + (id % 3000) * 1000),
    phones: true,
    clock: clockAhead(() => ahead),
  })
  await library.notifications.scheduleMany(idsFrom(1, appointments))
  // What is copied for the raw run is in the file, not in the log beside it.
  await library.notifications.history({ limit: 1 })
  checkpoint(path)
  copyFileSync(path, `${path}.raw`)
  ahead = hourMs
  const all = Promise.withResolvers<void>()
  let sent = 0
  library.events.on('reminder.sent', () => {
    sent += 1
    if (sent === due) all.resolve()
  })
  const sample = await timed(due, async () => {
    await library.start()
    await all.promise
  })
  await library.stop()
  const database = openRaw(path)
  expectCount('messages captured', outbox.sent.length, due)
  expectCount('reminders sent', count(database, `appointment_reminders where status = 'SENT'`), due)
  expectCount('deliveries settled', count(database, `notification_history where status = 'SENT'`), due)
  database.close()
  return sample
}

function checkpoint(path: string): void {
  const database = openRaw(path)
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.close()
}

const count = (database: Database.Database, what: string): number =>
  database.prepare<unknown[], { n: number }>(`select count(*) n from ${what}`).get()?.n ?? 0

type Due = {
  id: number
  organization_id: string
  appointment_id: number
  recipient_type: string
  recipient_id: number
  reminder_type: string
}

/** The same rows of the same tables: claimed in one commit and settled in another, with nothing decided or rendered. */
function raw(path: string, now: number): () => void {
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
  const subject = 'Reminder: your appointment on April 2, 2027 at 2:00 PM'
  const text = 'x'.repeat(220)
  const entries = JSON.stringify([{ text: 'x'.repeat(140) }])
  const commitIntents = database.transaction((rows: Due[]) =>
    rows.map((row) => {
      const { reminder_type, recipient_type, recipient_id, appointment_id, organization_id, id } = row
      const key = randomUUID()
      const about = [reminder_type, recipient_type, recipient_id, 'p12345@example.org', subject, text, appointment_id]
      const { lastInsertRowid } = insert.run(...about, now, now, organization_id, now + 60_000, id, key)
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
  return () => {
    for (let rows = read.all(now, batch); rows.length > 0; rows = read.all(now, batch)) settleAll(commitIntents(rows))
    expectCount('raw: reminders sent', count(database, `appointment_reminders where status = 'SENT'`), due)
    database.close()
  }
}

export async function dispatch(directory: string): Promise<Line[]> {
  const mine: Sample[] = []
  const limit: Sample[] = []
  for (let round = 0; round < rounds; round++) {
    const path = join(directory, `dispatch-${round}.sqlite`)
    const base = Date.now()
    mine.push(await ours(path, base))
    limit.push(await timed(due, raw(`${path}.raw`, base + hourMs)))
  }
  const note = `${due} due at once, whole pipeline, capture; raw: the same rows claimed and settled in ${batch}s`
  return [rates('due reminders dispatched', mine, limit, note)]
}
