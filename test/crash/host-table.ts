import Database from 'better-sqlite3'
import type { Directory } from '../../src/index.ts'

/** The host application's own data, in a file of its own that all its processes read. */
const organizationId = '7f3d2a10-5b1e-4c7a-9a52-0c6f5a1d9b11'

/** Who is reminded of what can be read from every mail; a changed address has another letter. */
export const addressOf = (appointmentId: number, letter: 'a' | 'b' = 'a'): string =>
  `${letter}${appointmentId}@example.org`
export const appointmentOf = (address: string): number => Number(/^[ab](\d+)@/.exec(address)?.[1])

type Row = { id: number; starts_at: number; status: 'scheduled' | 'cancelled'; email: string }

const open = (path: string) => new Database(path, { timeout: 5000 })

/** What a process that embeds the library hands over. Reads the file anew for every question. */
export function hostDirectory(path: string): Directory {
  const database = open(path)
  const find = database.prepare<[string], Row>(
    'select * from appointments where id in (select value from json_each(?))',
  )
  return {
    appointments: (ids) =>
      find.all(JSON.stringify(ids)).map(({ id, starts_at, status, email }) => ({
        id,
        organizationId,
        startsAt: new Date(starts_at),
        timeZone: 'Europe/Berlin',
        status,
        practitionerName: 'Dr. Smith',
        location: 'Room 4',
        durationMinutes: 30,
        recipients: [{ type: 'PATIENT', id, name: `Patient ${id}`, email }],
      })),
    organizations: (ids) => ids.map((id) => ({ id, name: 'Harbour Clinic' })),
  }
}

/** The host's hand that books, cancels and moves. */
export class HostTable {
  readonly #database: Database.Database

  constructor(path: string) {
    this.#database = open(path)
    this.#database.pragma('journal_mode = WAL')
    this.#database.exec(
      'create table appointments (id integer primary key, starts_at integer not null, status text not null, email text not null)',
    )
  }

  book(rows: readonly { readonly id: number; readonly startsAt: Date }[]): void {
    const insert = this.#database.prepare('insert into appointments values (?, ?, ?, ?)')
    this.#database.transaction(() => {
      for (const { id, startsAt } of rows) insert.run(id, startsAt.getTime(), 'scheduled', addressOf(id))
    })()
  }

  cancel(id: number): void {
    this.#database.prepare(`update appointments set status = 'cancelled' where id = ?`).run(id)
  }

  move(id: number, startsAt: Date): void {
    this.#database.prepare('update appointments set starts_at = ? where id = ?').run(startsAt.getTime(), id)
  }

  readdress(id: number): void {
    this.#database.prepare('update appointments set email = ? where id = ?').run(addressOf(id, 'b'), id)
  }

  delete(id: number): void {
    this.#database.prepare('delete from appointments where id = ?').run(id)
  }

  close(): void {
    this.#database.close()
  }
}
