/** The host application's own tables: organizations, patients and appointments, the same rows for every contestant. */

import type { Directory, EntityId } from 'appointment-notifications'
import Database from 'better-sqlite3'
import pg from 'pg'

export type HostRows = {
  readonly ids: readonly number[]
  readonly startOf: (id: number) => Date
  /** Without phones there are e-mails only. */
  readonly phones: boolean
}

/** The library's view of the host, and what the host does on its own. */
export type Host = {
  readonly directory: Directory
  /** Moves appointments in the host's own table, and tells nobody. */
  readonly postpone: (ids: readonly number[], hours: number) => Promise<void>
  readonly close: () => Promise<void>
}

export const hostTables: readonly string[] = ['organizations', 'patients', 'appointments']
export const organizations = Array.from({ length: 10 }, (_, index) => `0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f${index}`)
export const patients = 5000
/** One in ten has preferences of their own. */
export const withPreferences = Array.from({ length: patients / 10 }, (_, index) => (index + 1) * 10)
const zones = ['America/New_York', 'America/Los_Angeles', 'Europe/Berlin', 'Europe/London', 'Asia/Tokyo', 'UTC']
const organizationOf = (id: number) => organizations[id % organizations.length]

const schema = (uuid: string, instant: string) => `
  create table organizations (id ${uuid} primary key, name text not null);
  create table patients (id integer primary key, name text not null, email text, phone text);
  create table appointments (id integer primary key, organization_id ${uuid} not null references organizations(id),
    patient_id integer not null references patients(id), starts_at ${instant} not null, time_zone text not null,
    status text not null, duration integer not null, practitioner_name text, location text);`

/** The rows of each table, in the order of its columns. */
const rowsOf = ({
  ids,
  startOf,
  phones,
}: HostRows): readonly (readonly [string, (string | number | Date | null)[][]])[] => [
  ['organizations', organizations.map((id) => [id, 'Harbour Clinic'])],
  [
    'patients',
    Array.from({ length: patients }, (_, index) => index + 1).map((id) => [
      ...[id, `Patient ${id}`, `p${id}@example.org`],
      phones ? `+1415${2_000_000 + id}` : null,
    ]),
  ],
  [
    'appointments',
    ids.map((id) => [
      ...[id, organizationOf(id) ?? '', ((id - 1) % patients) + 1, startOf(id), zones[id % zones.length] ?? 'UTC'],
      ...['scheduled', 30, 'Dr. Smith', 'Room 4'],
    ]),
  ],
]

export async function fillPostgres(client: pg.Client | pg.Pool, rows: HostRows): Promise<void> {
  await client.query(schema('uuid', 'timestamptz'))
  for (const [table, all] of rowsOf(rows)) {
    const { fields } = await client.query(`select * from ${table} limit 0`)
    for (let first = 0; first < all.length; first += 5000) {
      const part = all
        .slice(first, first + 5000)
        .map((row) => Object.fromEntries(fields.map(({ name }, index) => [name, row[index]])))
      await client.query(`insert into ${table} select * from json_populate_recordset(null::${table}, $1)`, [
        JSON.stringify(part),
      ])
    }
  }
}

type AppointmentRow = {
  readonly id: number
  readonly organization_id: string
  /** A number on SQLite. */
  readonly starts_at: Date | number
  readonly time_zone: string
  readonly status: 'scheduled' | 'cancelled'
  readonly duration: number
  readonly practitioner_name: string
  readonly location: string
  readonly patient_id: number
  readonly name: string
  readonly email: string
  readonly phone: string | null
}

const appointmentsWhere = (condition: string) => `select a.id, a.organization_id, a.starts_at, a.time_zone, a.status,
  a.duration, a.practitioner_name, a.location, p.id as patient_id, p.name, p.email, p.phone
  from appointments a join patients p on p.id = a.patient_id where a.id ${condition}`

const directoryOf = (read: (ids: readonly EntityId[]) => Promise<readonly AppointmentRow[]>): Directory => ({
  appointments: async (ids) =>
    (await read(ids)).map((row) => ({
      id: row.id,
      organizationId: row.organization_id,
      startsAt: new Date(row.starts_at),
      timeZone: row.time_zone,
      status: row.status,
      durationMinutes: row.duration,
      practitionerName: row.practitioner_name,
      location: row.location,
      recipients: [
        { type: 'PATIENT', id: row.patient_id, name: row.name, email: row.email, phone: row.phone ?? undefined },
      ],
    })),
  organizations: async (ids) => ids.map((id) => ({ id, name: 'Harbour Clinic' })),
  recipients: async (refs) =>
    refs.map(({ type, id }) => ({
      ...{ type, id, name: `Patient ${id}`, email: `p${id}@example.org` },
      organizationId: organizationOf(Number(id)) ?? '',
    })),
})

export async function hostOnPostgres(url: string, rows: HostRows): Promise<Host> {
  const pool = new pg.Pool({ connectionString: url, max: 10 })
  await fillPostgres(pool, rows)
  const text = appointmentsWhere('= any($1::int[])')
  return {
    directory: directoryOf(async (ids) => {
      const { rows } = await pool.query<AppointmentRow>({ name: 'appointments', text, values: [ids] })
      return rows
    }),
    postpone: (ids, hours) => postponeOnPostgres(pool, ids, hours),
    close: () => pool.end(),
  }
}

export async function postponeOnPostgres(pool: pg.Pool, ids: readonly number[], hours: number): Promise<void> {
  await pool.query(`update appointments set starts_at = starts_at + $2 * interval '1 hour' where id = any($1)`, [
    ...[ids, hours],
  ])
}

/** In the file of the library, over a connection of its own. */
export async function hostOnSqlite(path: string, rows: HostRows): Promise<Host> {
  const database = new Database(path)
  database.exec(schema('text', 'integer'))
  database.transaction(() => {
    for (const [table, all] of rowsOf(rows)) {
      const insert = database.prepare(`insert into ${table} values (${all[0]?.map(() => '?').join()})`)
      for (const row of all) insert.run(row.map((value) => (value instanceof Date ? value.getTime() : value)))
    }
  })()
  const within = 'in (select value from json_each(?))'
  const read = database.prepare<[string], AppointmentRow>(appointmentsWhere(within))
  const move = database.prepare(`update appointments set starts_at = starts_at + ? where id ${within}`)
  return {
    directory: directoryOf(async (ids) => read.all(JSON.stringify(ids))),
    async postpone(ids, hours) {
      move.run(hours * 3_600_000, JSON.stringify(ids))
    },
    async close() {
      database.close()
    },
  }
}
