import type { Tx } from '../kysely/commands/tx.ts'
import type { Commands, Session } from './engine.ts'
import { flush } from './flush.ts'
import type { Pace } from './in-parts.ts'
import { type Loader, loaderOf } from './loader.ts'
import { qualified } from './names.ts'
import { announce } from './notify.ts'
import { statementsOn } from './statements.ts'
import { type IdTable, type WorkingSet, workingSet } from './working-set.ts'

/** How many rows of a table a command may insert, at most. */
export type Needs = { readonly [T in IdTable]?: number }

/** What a command loads with, and into what. */
export type Loading = { readonly loader: Loader; readonly session: Session; readonly set: WorkingSet }

export type Command<T> = {
  readonly needs?: Needs
  /** Reads, under lock, all that the command will look at. */
  readonly load: (loading: Loading) => Promise<void>
  /** The command itself, the same as in SQLite. It may run again on rows read anew. */
  readonly run: (tx: Tx) => T
}

/** Ids are asked for in lots of at least this many: an id that is not used waits for the next command. */
const lot = 64

/** Ids that the database set aside for this process, in order. They are unique; that there are none missing nobody promised. */
export function idPool() {
  const kept = new Map<IdTable, number[]>()
  return {
    async take(session: Session, table: IdTable, count: number): Promise<number[]> {
      const taken = kept.get(table) ?? []
      kept.set(table, taken.splice(count))
      const missing = count - taken.length
      if (missing <= 0) return taken
      const { rows } = await session.run<{ next_id: string }>(
        // The sequence is looked up once, not for each id, which would cost as much as to insert the row.
        `select nextval(named.sequence)::text as next_id
         from (select pg_get_serial_sequence($1, 'id')::regclass as sequence offset 0) as named, generate_series(1, $2::int)`,
        [qualified(session.schema, table), Math.max(missing, lot)],
      )
      const fresh = rows.map((row) => Number(row.next_id))
      kept.set(table, [...(kept.get(table) ?? []), ...fresh.splice(missing)])
      return [...taken, ...fresh]
    },
    /** Unused ones, after their transaction. */
    giveBack(table: IdTable, ids: readonly number[]): void {
      kept.set(table, [...ids, ...(kept.get(table) ?? [])])
    },
  }
}
export type IdPool = ReturnType<typeof idPool>

/** Read under lock, run the command on what was read, write what it changed in bulk: a few round trips for any number of rows. */
export async function runCommand<T>(
  engine: Pick<Commands, 'write'>,
  pool: IdPool,
  command: Command<T>,
  pace: Pace = 'patient',
): Promise<T> {
  let afterwards = () => {}
  const value = await engine.write(async (session) => {
    const set = workingSet()
    await command.load({ loader: loaderOf(session, set), session, set })
    const ids = new Map<IdTable, number[]>()
    for (const [table, count] of needed(command.needs ?? {})) ids.set(table, await pool.take(session, table, count))
    const nextId = (table: IdTable): number => {
      const id = ids.get(table)?.shift()
      if (id === undefined) throw new Error(`a command inserted more rows into ${table} than it needs`)
      return id
    }
    const result = command.run({ statements: statementsOn(set, nextId), ids: session.ids, rollsUp: false })
    afterwards = await announce(session, set)
    await flush(session, set)
    for (const [table, unused] of ids) pool.giveBack(table, unused)
    return result
  }, pace)
  afterwards()
  return value
}

const idTables = [
  'notification_settings',
  'patient_notification_preferences',
  'client_notification_preferences',
  'appointment_reminders',
  'notification_history',
] as const satisfies readonly IdTable[]

const needed = (needs: Needs): (readonly [IdTable, number])[] =>
  idTables.flatMap((table) => {
    const count = needs[table] ?? 0
    return count === 0 ? [] : [[table, count] as const]
  })
