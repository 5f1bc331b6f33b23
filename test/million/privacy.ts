/**
 * Retention and erasure at a million messages: how long each step takes. Run by hand: `node test/million/privacy.ts [sqlite|postgres]
 * [rows]`. A step is one call of the storage; on SQLite it holds the event loop for as long.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import pg from 'pg'
import { createNotifications, type Storage, silentLogger, suggestedRetention } from '../../src/index.ts'
import { storeOn } from '../../src/records/store.ts'
import { HostData } from '../support/host-data.ts'
import { keyOf } from '../support/keys.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { postgres, sqlite } from '../support/stores.ts'

const [, , kind = 'sqlite', count = '1000000'] = process.argv
const rows = Number(count)
/** The practitioner who is erased got so many of the messages. */
const ofOne = 20_000

const columns =
  'notification_type, notification_category, recipient_type, recipient_id, recipient_email, subject, message, status, sent_at, appointment_id, created_at, updated_at, organization_id, delivery_state, fence, attempts, unknown_outcomes, provider, provider_message_id, idempotency_key, template_revision, recipient_address'
const valuesOf = (n: string, at: string) =>
  `'EMAIL', 'CONFIRMATION', case when ${n} % ${Math.floor(rows / ofOne)} = 0 then 'PRACTITIONER' else 'PATIENT' end,
   case when ${n} % ${Math.floor(rows / ofOne)} = 0 then 1 else ${n} / 4 + 1 end,
   'person' || (${n} / 4) || '@example.org', 'Appointment Confirmed', 'Hello, your appointment at Harbour Clinic is confirmed. Date: Thursday. With: Dr. Smith. If you need to change or cancel it, please contact us.',
   'SENT', ${at}, ${n} / 4 + 1, ${at}, ${at}, 'organization-' || (${n} % 2000), 'settled', 1, 1, 0, 'smtp', 'id-' || ${n}, 'key-' || ${n}, 'default:1', 'person' || (${n} / 4) || '@example.org'`
const settings = `insert into notification_settings (organization_id, revision, created_at, updated_at, retention)`

async function onSqlite() {
  const directory = mkdtempSync(join(tmpdir(), 'privacy-'))
  const path = join(directory, 'million.sqlite')
  const storage = sqlite(path)
  await storage.migrate({ ids: integerIds, adopt: false, now: new Date() })
  const db = new Database(path)
  const at = Date.now() - 400 * 86_400_000
  db.exec(`insert into notification_history (${columns})
    with recursive r(n) as (select 0 union all select n + 1 from r where n < ${rows - 1}) select ${valuesOf('n', String(at))} from r`)
  db.exec(`${settings} with recursive r(n) as (select 0 union all select n + 1 from r where n < 1999)
    select 'organization-' || n, 1, 0, 0, '${JSON.stringify(suggestedRetention)}' from r`)
  db.close()
  return { storage, close: async () => rmSync(directory, { recursive: true }) }
}

async function onPostgres() {
  const server = await startPostgres('newest', [])
  const storage = postgres(server.url)
  await storage.migrate({ ids: integerIds, adopt: false, now: new Date() })
  const client = new pg.Client(server.url)
  await client.connect()
  await client.query(
    `insert into notification_history (${columns}) select ${valuesOf('n', "now() - interval '400 days'")} from generate_series(0, ${rows - 1}) as n`,
  )
  await client.query(
    `${settings} select 'organization-' || n, 1, now(), now(), '${JSON.stringify(suggestedRetention)}' from generate_series(0, 1999) as n`,
  )
  await client.query('vacuum analyze')
  await client.end()
  return { storage, close: () => server.stop() }
}

const integerIds = { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' } as const
const place = await (kind === 'postgres' ? onPostgres() : onSqlite())
const store = storeOn(place.storage)

const taken = new Map<string, number[]>()
const timed =
  <Args extends readonly unknown[], T>(name: string, call: (...args: Args) => Promise<T>) =>
  async (...args: Args): Promise<T> => {
    const began = performance.now()
    const answer = await call(...args)
    const list = taken.get(name) ?? []
    taken.set(name, list)
    list.push(performance.now() - began)
    return answer
  }
const timedPersonal = (({ personal }) => ({
  ...personal,
  aging: timed('aging', personal.aging),
  retain: timed('retain', personal.retain),
  erase: timed('erase', personal.erase),
  messages: timed('messages', personal.messages),
  sharedAddresses: timed('sharedAddresses', personal.sharedAddresses),
  answers: timed('answers', personal.answers),
}))(store)
const storage: Storage = { ...store, personal: timedPersonal }
const library = createNotifications({
  storage,
  directory: new HostData(),
  transports: [],
  encryptionKey: keyOf(7),
  env: {},
  logger: silentLogger,
})

function report(what: string, began: number): void {
  console.log(`${kind} ${what}: ${((performance.now() - began) / 1000).toFixed(1)} s`)
  for (const [name, list] of taken) {
    const sorted = list.toSorted((a, b) => a - b)
    const at = (share: number) =>
      (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1)
    console.log(`  ${name}: ${sorted.length} steps, median ${at(0.5)}, 99 % ${at(0.99)}, longest ${at(1)} ms`)
  }
  taken.clear()
}

let began = performance.now()
console.log(await library.privacy.retentionDryRun())
report('dry run', began)
began = performance.now()
console.log(await library.privacy.eraseRecipient({ type: 'PRACTITIONER', id: 1 }))
report('erasure of a practitioner', began)
began = performance.now()
console.log(await library.privacy.eraseRecipient({ type: 'PATIENT', id: 3 }))
report('erasure of a patient', began)
began = performance.now()
console.log(await library.privacy.applyRetention())
report('retention', began)
began = performance.now()
console.log(await library.privacy.applyRetention())
report('retention with nothing to do', began)
await library.stop()
await place.close()
