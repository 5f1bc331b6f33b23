import type { Storage } from '../../src/index.ts'
import type { AnyKey, WholeKey } from '../../src/ports/rows/keys.ts'
import { type Command, type Found, lockOrder, type Read, type Rows } from '../../src/ports/rows/rows.ts'
import type { Table } from '../../src/ports/rows/tables/columns.ts'
import { type Row, type TableName, tables } from '../../src/ports/rows/tables/tables.ts'

const identityOf = (table: TableName): readonly string[] => {
  const { primaryKey }: Table = tables[table]
  return primaryKey ?? ['id']
}

/** Null: one of the values is null, which equals nothing. */
function textOf(of: object, by: readonly string[]): string | null {
  const values = by.map((name): unknown => Reflect.get(of, name))
  return values.includes(null) ? null : JSON.stringify(values.map(String))
}

/** Of those that find the same rows, whatever of them they read. */
const nameOf = ({ table, by, where }: AnyKey): string => `${table} ${by.join()} ${JSON.stringify(where)}`
const byId = (table: TableName): AnyKey => ({ table, by: ['id'], columns: null, where: {} })

class Undeclared extends Error {
  constructor({ table, by }: Pick<AnyKey, 'table' | 'by'>, of: object) {
    super(
      `a command asked for ${table} by ${by.map((name) => `${name} ${Reflect.get(of, name)}`).join(', ')} without having declared it`,
    )
  }
}

/** What a command declared, and what was found of it: all that a storage has of it which loads rows before. */
class Declared {
  /** By the names of keys and the values asked for, the columns that were read; null: all. */
  readonly #asked = new Map<string, ReadonlySet<string> | null>()
  /** By tables and the identities of rows, the same. */
  readonly #rows = new Map<string, ReadonlySet<string> | null>()
  readonly #left = new Map<string, number>()

  declare(key: AnyKey, of: object): void {
    const text = textOf(of, key.by)
    if (text !== null) add(this.#asked, `${nameOf(key)} ${text}`, key.columns)
  }

  load(key: AnyKey, row: object): void {
    if (key.columns === null) add(this.#rows, this.#placeOf(key.table, row), null)
    else if (key.by.join() === 'id') add(this.#rows, this.#placeOf(key.table, row), key.columns)
  }

  made(table: TableName, row: object): void {
    add(this.#rows, this.#placeOf(table, row), null)
  }

  require(key: AnyKey, of: object, row?: object): void {
    const text = textOf(of, key.by)
    if (text === null) return
    const asked = this.#asked.get(`${nameOf(key)} ${text}`)
    if (asked !== undefined && holds(asked, key.columns)) return
    if (row !== undefined && this.has(key.table, row, key.columns)) return
    throw new Undeclared(key, of)
  }

  has(table: TableName, row: object, columns: readonly string[] | null): boolean {
    const known = this.#rows.get(this.#placeOf(table, row))
    return known !== undefined && holds(known, columns)
  }

  requireRow(table: TableName, id: number, columns: readonly string[]): void {
    if (!this.has(table, { id }, columns)) this.require({ ...byId(table), columns }, { id })
  }

  allow(table: TableName, count: number): void {
    this.#left.set(table, (this.#left.get(table) ?? 0) + count)
  }

  take(table: TableName): void {
    this.allow(table, -1)
    if ((this.#left.get(table) ?? 0) < 0) throw new Error(`a command inserted more rows into ${table} than it said`)
  }

  #placeOf = (table: TableName, row: object): string => `${table} ${textOf(row, identityOf(table))}`
}

function add(known: Map<string, ReadonlySet<string> | null>, place: string, columns: readonly string[] | null): void {
  const before = known.get(place)
  if (before === null) return
  known.set(place, columns === null ? null : new Set([...(before ?? []), ...columns]))
}

const holds = (known: ReadonlySet<string> | null, columns: readonly string[] | null): boolean =>
  known === null || (columns?.every((one) => known.has(one)) ?? false)

/** Reads what the items declare, stage by stage, as a storage does that loads rows before the command runs. */
function declarationsOf<Item, Outcome>(
  { stages, inserts }: Command<Item, Outcome>,
  items: readonly Item[],
  rows: Rows,
): Declared {
  const declared = new Declared()
  const found: Found = watched(rows, declared)
  let rank = 0
  for (const stage of stages) {
    const reads = items.flatMap((item) => stage(item, found))
    const ranks = reads.flatMap(({ key, lock }) => (lock === 'none' ? [] : [order.indexOf(key.table)]))
    const first = Math.min(...ranks)
    if (first < rank) throw new Error(`a command locks ${order[first]} after ${order[rank]}`)
    rank = Math.max(rank, ...ranks)
    for (const one of reads) read(one, declared, rows)
  }
  for (const [table, count] of items.flatMap((item) => inserts?.(item) ?? [])) declared.allow(table, count)
  return declared
}
const order: readonly string[] = lockOrder

function read({ key, of, through }: Read, declared: Declared, rows: Rows): void {
  if (through === null) {
    declared.declare(key, of)
    for (const row of listOf(rows, key, of)) declared.load(key, row)
    return
  }
  for (const row of listOf(rows, through.key, of)) {
    const id: unknown = Reflect.get(row, through.column)
    if (id !== null) read({ key, of: { id }, lock: 'none', through: null }, declared, rows)
  }
}

const wholes = new Map<AnyKey, AnyKey>()
const isWhole = (key: AnyKey): key is WholeKey<TableName, never> => key.columns === null

/** Whole rows of a key, whatever it reads of them. */
function listOf(rows: Rows, key: AnyKey, of: object): readonly object[] {
  const whole = wholes.get(key) ?? { ...key, columns: null }
  wholes.set(key, whole)
  return isWhole(whole) ? rows.list(whole, of) : []
}

/** The same rows, which refuse what was not declared. */
function watched(rows: Rows, declared: Declared): Rows {
  const made = <T extends TableName>(table: T, row: Row<T>, id: number): number => {
    declared.made(table, { ...row, id })
    return id
  }
  return {
    ...rows,
    get(key, of) {
      const row = rows.get(key, of)
      const identity = row === undefined ? undefined : listOf(rows, key, of)[0]
      declared.require(key, of, identity)
      return row
    },
    list(key, of) {
      declared.require(key, of)
      return rows.list(key, of)
    },
    insert(table, row) {
      declared.take(table)
      return made(table, row, rows.insert(table, row))
    },
    insertNew(key, row) {
      declared.require(key, row, listOf(rows, key, row)[0])
      const id = rows.insertNew(key, row)
      if (id === null) return null
      declared.take(key.table)
      return made(key.table, row, id)
    },
    appendNew(key, row) {
      declared.require(key, row, listOf(rows, key, row)[0])
      const isNew = rows.appendNew(key, row)
      for (const one of isNew ? listOf(rows, key, row) : []) declared.made(key.table, one)
      return isNew
    },
    update(table, id, change, only = {}) {
      declared.requireRow(table, id, Object.keys(only))
      rows.update(table, id, change, only)
    },
  }
}

/** The command, which throws where it reads what it did not declare, also on a storage that answers everything. */
const checked = <Item, Outcome>(command: Command<Item, Outcome>): Command<Item, Outcome> => ({
  ...command,
  run: (rows, items) => command.run(watched(rows, declarationsOf(command, items, rows)), items),
})

const carrying =
  ({ carry }: Pick<Storage, 'carry'>): Storage['carry'] =>
  (command, items) =>
    carry(checked(command), items)

/**
 * A storage on which commands are held to what they declare, as on those that load rows before a command runs: SQLite answers
 * everything, and every test on it walks branches that no test on Postgres does.
 */
export const declaring = (storage: Storage): Storage => ({
  ...storage,
  carry: carrying(storage),
  ...(storage.within !== undefined && {
    within: (transaction) => {
      const within = storage.within?.(transaction)
      if (within === undefined) throw new Error('a storage without transactions of the host')
      return { ...within, carry: carrying(within) }
    },
  }),
})
