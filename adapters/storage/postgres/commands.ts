import type { Storage } from '../../../src/index.ts'
import type * as records from '../../../src/records/index.ts'
import { locksOf } from './absences.ts'
import type { Commands, Session } from './engine.ts'
import { isUnknownCommit } from './errors.ts'
import { flush } from './flush.ts'
import { inParts, type Pace } from './in-parts.ts'
import { type AdvisoryLock, nameOfLock, takeLocks, tryLocks } from './locks.ts'
import { qualified } from './names.ts'
import { announce } from './notify.ts'
import { createPatience } from './patience.ts'
import { nameOf, rowReader, type Waiting } from './row-reads.ts'
import { ignore } from './source.ts'
import { requireAbsent } from './unseen.ts'
import { WorkingSet } from './working-set.ts'

type Command<Item, Outcome> = records.Command<Item, Outcome>
type Load = <Item, Outcome>(
  command: Command<Item, Outcome>,
  items: readonly Item[],
  session: Session,
  set: WorkingSet,
) => Promise<ReadonlySet<Item>>

/** Ids are asked for in lots of at least this many: an id that is not used waits for the next command. */
const lot = 64

/**
 * Re-plans page by it, and answers are handed over in its order, whichever process recorded them: it must not be older than the lock
 * under which the row is inserted.
 */
const isFresh = (table: records.NumberedTable): boolean =>
  table === 'reminder_plans' || table === 'notification_answers'

/** Ids that the database set aside for this process, in order. They are unique; that there are none missing nobody promised. */
export function idPool() {
  const kept = new Map<records.NumberedTable, number[]>()
  return {
    async take(session: Session, table: records.NumberedTable, count: number): Promise<number[]> {
      const taken = kept.get(table) ?? []
      kept.set(table, taken.splice(count))
      const missing = count - taken.length
      if (missing <= 0) return taken
      const { rows } = await session.run<{ ids: string }>(
        // The sequence is looked up once, not for each id, which would cost as much as to insert the row.
        `select string_agg(nextval(named.sequence)::text, ',') as ids
         from (select pg_get_serial_sequence($1, 'id')::regclass as sequence offset 0) as named, generate_series(1, $2::int)`,
        [qualified(session.schema, table), isFresh(table) ? missing : Math.max(missing, lot)],
      )
      const fresh = rows.flatMap(({ ids }) => ids.split(',').map(Number))
      kept.set(table, [...(kept.get(table) ?? []), ...fresh.splice(missing)])
      return [...taken, ...fresh]
    },
    /** Unused ones, after their transaction. */
    giveBack(table: records.NumberedTable, ids: readonly number[]): void {
      if (!isFresh(table)) kept.set(table, [...ids, ...(kept.get(table) ?? [])])
    },
  }
}
export type IdPool = ReturnType<typeof idPool>

/** Ids for all that the items may insert. */
async function draw<Item, Outcome>(
  pool: IdPool,
  session: Session,
  { inserts }: Command<Item, Outcome>,
  items: readonly Item[],
): Promise<ReadonlyMap<records.NumberedTable, number[]>> {
  const counts = new Map<records.NumberedTable, number>()
  for (const [table, count] of items.flatMap((item) => inserts?.(item) ?? []))
    if (count > 0) counts.set(table, (counts.get(table) ?? 0) + count)
  const drawn = [...counts].map(async ([table, count]) => [table, await pool.take(session, table, count)] as const)
  return new Map(await Promise.all(drawn))
}

/**
 * Carries out commands: reads under lock what they declare, runs them on what was read, and writes what they changed in bulk. A few
 * round trips for any number of rows.
 */
async function transact<Item, Outcome>(
  engine: Pick<Commands, 'carry'>,
  pool: IdPool,
  command: Command<Item, Outcome>,
  items: readonly Item[],
  load: Load,
  pace: Pace,
): Promise<Outcome[]> {
  let afterwards = () => {}
  const outcomes = await engine.carry(async (session) => {
    const ids = new Map<records.NumberedTable, number[]>()
    const set = new WorkingSet(session.ids, (table) => {
      const id = ids.get(table)?.shift()
      if (id === undefined) throw new Error(`a command inserted more rows into ${table} than it said`)
      return id
    })
    const loading = load(command, items, session, set)
    // Locks for what is not there are asked for at once, those of rows are not: only once these are there, an id is fresh.
    const isLate =
      command.absences === undefined &&
      items.some((item) => command.inserts?.(item).some(([table, count]) => count > 0 && isFresh(table)))
    const drawing = isLate
      ? loading.then(() => draw(pool, session, command, items))
      : draw(pool, session, command, items)
    drawing.catch(ignore)
    const held = await loading
    for (const [table, drawn] of await drawing) ids.set(table, drawn)
    await session.begun
    const free = held.size === 0 ? items : items.filter((item) => !held.has(item))
    const done = command.run(set, free).values()
    const announcing = announce(session, set)
    announcing.catch(ignore)
    await flush(session, set)
    afterwards = await announcing
    for (const [table, unused] of ids) pool.giveBack(table, unused)
    return items.flatMap((item) => {
      if (held.has(item)) return command.held === null ? [] : [command.held.outcome]
      const { value, done: isOver } = done.next()
      return isOver === true ? [] : [value]
    })
  }, pace)
  afterwards()
  return outcomes
}

/** Locks what is not there, then reads stage by stage; gives the items of which something is another's, where that is passed over. */
async function read<Item, Outcome>(
  { absences, stages }: Command<Item, Outcome>,
  items: readonly Item[],
  session: Session,
  set: WorkingSet,
  waiting: {
    readonly rows: (asked: readonly records.Read[]) => Waiting
    readonly locks: (locks: readonly AdvisoryLock[]) => Promise<readonly AdvisoryLock[]>
  },
): Promise<ReadonlySet<Item>> {
  const relied = new Map(absences === undefined ? [] : items.map((item) => [item, absences(item, session.ids)]))
  const locks = new Map(
    [...relied].map(([item, all]) => [item, all.flatMap((one) => locksOf(one, session.isHosts))] as const),
  )
  const locking = waiting.locks([...locks.values()].flat())
  locking.catch(ignore)
  const reader = rowReader(session, set, locking)
  const asked: (readonly (readonly records.Read[])[])[] = []
  for (const stage of stages) {
    const reads = await reader.look((found) => items.map((item) => stage(item, found)))
    asked.push(reads)
    const all = reads.flat()
    if (all.length > 0) await reader.ask(all, waiting.rows(all))
  }
  await reader.hear()
  if (!session.readsAnew) await requireAbsent(session, [...relied.values()].flat())
  const missed = new Set((await locking).map(nameOfLock))
  if (!reader.hasHeld() && missed.size === 0) return new Set()
  const isHeld = (item: Item, index: number): boolean =>
    (locks.get(item) ?? []).some((lock) => missed.has(nameOfLock(lock))) ||
    asked.some((reads) => reads[index]?.some(reader.isHeld))
  return new Set(items.filter(isHeld))
}

const allLocks =
  ({ run, schema }: Session) =>
  async (locks: readonly AdvisoryLock[]): Promise<readonly AdvisoryLock[]> => {
    await takeLocks(run, schema, locks)
    return []
  }

/** What carries out commands on the library's own connections, or in a transaction of the host (`isHosts`), which waits for everything. */
export function carrying(
  engine: Pick<Commands, 'carry'>,
  pool: IdPool,
  { busyTimeoutMs, isHosts }: { readonly busyTimeoutMs: number; readonly isHosts: boolean },
): Storage['carry'] {
  const rows = createPatience()
  const absences = createPatience()
  /** What may be committed although nobody was answered, and how long to wait for who has it. */
  const unsure = new Map<string, number>()

  const waitForAll: Load = (command, items, session, set) =>
    read(command, items, session, set, { rows: () => 'wait', locks: allLocks(session) })

  /** Most wait for a row only for a moment; who has one for long is passed over. */
  const waitShortly: Load = (command, items, session, set) =>
    rows.attempt((waiting) => read(command, items, session, set, { rows: () => waiting, locks: allLocks(session) }))

  const isUnsure = (name: string): boolean => {
    const isYet = (unsure.get(name) ?? 0) > performance.now()
    if (!isYet) unsure.delete(name)
    return isYet
  }

  /**
   * What a transaction of the host, or a worker that stands still, has must not keep the others. Locks for what is not there are
   * short where all is well, so those are waited for, in turn, for a moment.
   */
  const passOver =
    (begun: Set<records.Read>): Load =>
    (command, items, session, set) =>
      read(command, items, session, set, {
        rows(asked) {
          for (const one of asked) if (one.lock === 'update') begun.add(one)
          return unsure.size > 0 && asked.some((one) => isUnsure(nameOf(one))) ? 'wait' : 'skip'
        },
        locks: (locks) =>
          absences.attempt((waiting) =>
            waiting === 'skip' ? tryLocks(session.run, session.schema, locks) : allLocks(session)(locks),
          ),
      })

  async function all<Item, Outcome>(command: Command<Item, Outcome>, items: readonly Item[]): Promise<Outcome[]> {
    if (items.length === 0) return []
    const wait = isHosts ? undefined : command.held?.wait
    const begun = new Set<records.Read>()
    const load = wait === 'never' ? passOver(begun) : wait === 'shortly' ? waitShortly : waitForAll
    const go = (part: readonly Item[], pace: Pace = 'patient') => transact(engine, pool, command, part, load, pace)
    if (wait === 'apart' && command.held !== null) return inParts(items, go, command.held.outcome)
    try {
      return await go(items)
    } catch (error) {
      if (isUnknownCommit(error)) for (const one of begun) unsure.set(nameOf(one), performance.now() + busyTimeoutMs)
      throw error
    }
  }

  return all
}
