import type Database from 'better-sqlite3'

/** The clinic's own tables, in the same file as the library's. */
const schema = `
  CREATE TABLE IF NOT EXISTS organizations (id TEXT PRIMARY KEY, name TEXT, time_zone TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS people (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('PATIENT', 'CLIENT', 'PRACTITIONER')),
    organization_id TEXT NOT NULL REFERENCES organizations(id),
    name TEXT NOT NULL, email TEXT, phone TEXT, locale TEXT, time_zone TEXT
  );
  CREATE TABLE IF NOT EXISTS appointments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id TEXT NOT NULL REFERENCES organizations(id),
    patient_id INTEGER REFERENCES people(id),
    client_id INTEGER REFERENCES people(id),
    practitioner_id INTEGER REFERENCES people(id),
    starts_at TEXT NOT NULL, duration_minutes INTEGER NOT NULL, time_zone TEXT NOT NULL,
    location TEXT, status TEXT NOT NULL DEFAULT 'scheduled'
  );
  CREATE TABLE IF NOT EXISTS waitlist_entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id TEXT NOT NULL REFERENCES organizations(id),
    patient_id INTEGER NOT NULL REFERENCES people(id),
    starts_at TEXT, time_zone TEXT NOT NULL, expires_at TEXT
  );
  CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY, kind TEXT NOT NULL, organization_id TEXT NOT NULL, person_id INTEGER, role TEXT
  );
`

export type PersonKind = 'PATIENT' | 'CLIENT' | 'PRACTITIONER'
export type Organization = { id: string; name: string | null; time_zone: string }
export type Person = {
  id: number
  kind: PersonKind
  organization_id: string
  name: string
  email: string | null
  phone: string | null
  locale: string | null
  time_zone: string | null
}
export type Appointment = {
  id: number
  organization_id: string
  patient_id: number | null
  client_id: number | null
  practitioner_id: number | null
  starts_at: string
  duration_minutes: number
  time_zone: string
  location: string | null
  status: string
}
export type WaitlistEntry = {
  id: number
  organization_id: string
  patient_id: number
  starts_at: string | null
  time_zone: string
  expires_at: string | null
}
export type Token = {
  token: string
  kind: 'staff' | 'patient' | 'client'
  organization_id: string
  person_id: number | null
  role: 'admin' | 'viewer' | null
}

export type ClinicDatabase = ReturnType<typeof openClinicDatabase>

/** Opens the clinic's tables. Every method is one statement; a list of ids is passed as JSON. */
export function openClinicDatabase(database: Database.Database) {
  database.exec(schema)
  const byIds = <Row>(table: string) => {
    const select = database.prepare<[string], Row>(
      `SELECT * FROM ${table} WHERE id IN (SELECT value FROM json_each(?))`,
    )
    return (ids: readonly (number | string)[]): Row[] => select.all(JSON.stringify(ids))
  }
  const insert = <Row extends object>(table: string, columns: readonly (keyof Row & string)[]) => {
    const values = columns.map((column) => `@${column}`).join(', ')
    const statement = database.prepare<[Row], { id: number }>(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${values}) RETURNING rowid AS id`,
    )
    return (row: Row): number => statement.get(row)?.id ?? 0
  }
  const tokenOf = database.prepare<[string], Token>('SELECT * FROM tokens WHERE token = ?')
  const addOrganization = database.prepare<[Organization]>(
    `INSERT INTO organizations (id, name, time_zone) VALUES (@id, @name, @time_zone)
     ON CONFLICT (id) DO UPDATE SET name = coalesce(excluded.name, name), time_zone = excluded.time_zone`,
  )
  const knowOrganization = database.prepare<[string]>(
    `INSERT INTO organizations (id, time_zone) VALUES (?, 'UTC') ON CONFLICT (id) DO NOTHING`,
  )
  const change = database.prepare<[string | null, string | null, number]>(
    'UPDATE appointments SET starts_at = coalesce(?, starts_at), status = coalesce(?, status) WHERE id = ?',
  )
  const remove = database.prepare<[number]>('DELETE FROM appointments WHERE id = ?')
  return {
    organizations: byIds<Organization>('organizations'),
    people: byIds<Person>('people'),
    appointments: byIds<Appointment>('appointments'),
    waitlistEntries: byIds<WaitlistEntry>('waitlist_entries'),
    addOrganization: (organization: Organization) => void addOrganization.run(organization),
    /** Creates the organization if it does not exist. */
    knowOrganization: (id: string) => void knowOrganization.run(id),
    addPerson: insert<Omit<Person, 'id'>>('people', [
      'kind',
      'organization_id',
      'name',
      'email',
      'phone',
      'locale',
      'time_zone',
    ]),
    addAppointment: insert<Omit<Appointment, 'id' | 'status'>>('appointments', [
      'organization_id',
      'patient_id',
      'client_id',
      'practitioner_id',
      'starts_at',
      'duration_minutes',
      'time_zone',
      'location',
    ]),
    changeAppointment: (id: number, startsAt: string | null, status: string | null) =>
      void change.run(startsAt, status, id),
    deleteAppointment: (id: number) => remove.run(id).changes > 0,
    addWaitlistEntry: insert<Omit<WaitlistEntry, 'id'>>('waitlist_entries', [
      'organization_id',
      'patient_id',
      'starts_at',
      'time_zone',
      'expires_at',
    ]),
    addToken: insert<Token>('tokens', ['token', 'kind', 'organization_id', 'person_id', 'role']),
    token: (token: string): Token | undefined => tokenOf.get(token),
    close: () => database.close(),
  }
}
