import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import pg from 'pg'
import { type Storage, suggestedRetention } from '../../src/index.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { postgres, sqlite } from '../support/stores.ts'

/** A database of settled messages, older than every organization keeps them. */
export type PersonalPlace = {
  readonly name: 'SQLite' | 'Postgres'
  readonly storage: Storage
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const organizations = 2000
const dayMs = 86_400_000
const oldDays = 500
const ids = { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' } as const

const columns = [
  ...['notification_type', 'notification_category', 'recipient_type', 'recipient_id', 'recipient_email', 'subject'],
  ...[
    'message',
    'status',
    'sent_at',
    'appointment_id',
    'created_at',
    'updated_at',
    'organization_id',
    'delivery_state',
  ],
  ...['fence', 'attempts', 'unknown_outcomes', 'provider', 'provider_message_id', 'idempotency_key'],
  ...['template_revision', 'recipient_address'],
].join(', ')

/** Of fifty messages one goes to the practitioner, and the others to patients, four to each. `at`: of the message `n`. */
const valuesOf = (at: string): string =>
  `'EMAIL', 'CONFIRMATION', case when n % 50 = 0 then 'PRACTITIONER' else 'PATIENT' end, case when n % 50 = 0 then 1 else n / 4 + 1 end,
   'person' || (n / 4) || '@example.org', 'Appointment Confirmed',
   'Hello, your appointment at Harbour Clinic is confirmed. Date: Thursday. With: Dr. Smith. If you need to change or cancel it, please contact us.',
   'SENT', ${at}, n / 4 + 1, ${at}, ${at}, 'organization-' || (n % ${organizations}), 'settled', 1, 1, 0, 'smtp', 'id-' || n, 'key-' || n,
   'default:1', 'person' || (n / 4) || '@example.org'`
const settings = 'insert into notification_settings (organization_id, revision, created_at, updated_at, retention)'
const rules = JSON.stringify(suggestedRetention)

export async function messagesOnSqlite(rows: number): Promise<PersonalPlace> {
  const directory = mkdtempSync(join(tmpdir(), 'privacy-'))
  const path = join(directory, 'million.sqlite')
  const storage = sqlite(path)
  await storage.migrate({ ids, adopt: false, now: new Date() })
  const database = new Database(path)
  const at = `${Date.now() - oldDays * dayMs} + n * 1000`
  database.exec(`insert into notification_history (${columns})
    with recursive r(n) as (select 0 union all select n + 1 from r where n < ${rows - 1}) select ${valuesOf(at)} from r`)
  database.exec(`${settings} with recursive r(n) as (select 0 union all select n + 1 from r where n < ${organizations - 1})
    select 'organization-' || n, 1, 0, 0, '${rules}' from r`)
  // What made the rows is no part of what is measured.
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.close()
  return {
    name: 'SQLite',
    storage,
    [Symbol.asyncDispose]: async () => rmSync(directory, { recursive: true, force: true }),
  }
}

export async function messagesOnPostgres(rows: number): Promise<PersonalPlace> {
  const server = await startPostgres('newest', [])
  const storage = postgres(server.url)
  await storage.migrate({ ids, adopt: false, now: new Date() })
  const client = new pg.Client(server.url)
  await client.connect()
  const at = `now() - interval '${oldDays} days' + n * interval '1 second'`
  await client.query(
    `insert into notification_history (${columns}) select ${valuesOf(at)} from generate_series(0, ${rows - 1}) as n`,
  )
  await client.query(
    `${settings} select 'organization-' || n, 1, now(), now(), '${rules}' from generate_series(0, ${organizations - 1}) as n`,
  )
  await client.query('vacuum analyze')
  await client.query('checkpoint')
  await client.end()
  return { name: 'Postgres', storage, [Symbol.asyncDispose]: () => server.stop() }
}
