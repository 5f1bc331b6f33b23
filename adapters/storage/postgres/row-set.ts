import * as records from '../../../src/records/index.ts'
import { once } from '../kysely/once.ts'

type TableName = records.TableName
type Columns = { readonly [column: string]: unknown }

/** By what rows are told apart; null where one of these columns is null, which equals nothing. */
export function textOf(row: object, columns: readonly string[]): string | null {
  if (columns.length === 1) {
    const value: unknown = Reflect.get(row, columns[0] ?? '')
    return value === null ? null : String(value)
  }
  let text = ''
  for (const name of columns) {
    const value: unknown = Reflect.get(row, name)
    if (value === null) return null
    text = text === '' ? String(value) : `${text}\0${value}`
  }
  return text
}

function isMet(condition: records.Fixed, value: unknown): boolean {
  if (condition === 'null') return value === null
  return condition === 'not null' ? value !== null : condition.some((word) => word === value)
}

const holds = (row: object, where: records.AnyKey['where']): boolean =>
  Object.entries(where).every(([name, condition]) => isMet(condition, Reflect.get(row, name)))

export const isById = ({ by }: Pick<records.AnyKey, 'by'>): boolean => by.length === 1 && by[0] === 'id'

/** Some columns of the rows of a key, by their identifying values; null: there is no such row. */
type Parts = Map<string, never | null>

type Index = { readonly by: readonly string[]; readonly ids: Map<string, Set<string>> }

/**
 * Rows of one table that a transaction read under lock, and what its commands made of them. A command sees every change at once; the
 * database gets them in bulk, when all commands of the transaction are done.
 */
export class RowSet<Row extends object> {
  readonly table: TableName
  /** By what rows are to be deleted, whether they were read or not. */
  readonly deleted: Columns[] = []
  readonly #identity: readonly string[]
  readonly #rows = new Map<string, Row>()
  readonly #parts = new Map<records.AnyKey, Parts>()
  /** Of these, those of keys by id. */
  readonly #partsById: Parts[] = []
  readonly #indexes = new Map<string, Index>()
  /** Whether a row may be there already, by its identity. */
  readonly #inserted = new Map<string, boolean>()
  readonly #changes = new Map<string, Partial<Row>>()

  constructor(table: TableName) {
    const { primaryKey }: records.Table = records.tables[table]
    this.table = table
    this.#identity = primaryKey ?? ['id']
  }

  /** Takes a row as the database has it. */
  load(row: Row): void {
    this.#put(row)
  }

  /** From now on a row of this key, which is read in part, is absent where it is not loaded. */
  expectParts(key: records.AnyKey, texts: Iterable<string>): void {
    const parts = this.#partsOf(key)
    for (const text of texts) if (!parts.has(text)) parts.set(text, null)
  }

  loadParts(key: records.AnyKey, rows: readonly never[]): void {
    const parts = this.#partsOf(key)
    for (const row of rows) parts.set(textOf(row, key.by) ?? '', row)
  }

  /** Null: it is absent; undefined: it was not read. One of a key by id shows what was changed of it. */
  part(key: records.AnyKey, text: string): never | null | undefined {
    const row = this.#parts.get(key)?.get(text)
    return row == null || !isById(key) ? row : this.#changed(text, row)
  }

  /** Whether the row is here, be it whole or in part. */
  has(id: number): boolean {
    return this.#has(String(id))
  }

  /** Whether it was read in part, be it there or not. */
  wasReadInPart(id: number): boolean {
    return this.#partsById.some((parts) => parts.has(String(id)))
  }

  /** Of all rows that are here. */
  ids(): number[] {
    const ofParts = this.#partsById.flatMap((parts) => [...parts].flatMap(([id, row]) => (row === null ? [] : id)))
    return [...this.#rows.keys(), ...ofParts].map(Number)
  }

  /** Rows that hold these values, in the order in which they came. */
  find({ by, where }: Pick<records.AnyKey, 'by' | 'where'>, of: object): Row[] {
    const found: Row[] = []
    for (const id of this.#idsOf(by, of)) {
      const row = this.#rows.get(id)
      if (row === undefined) continue
      const changed = this.#changed(id, row)
      if (holds(changed, where)) found.push(changed)
    }
    return found
  }

  insert(row: Row): void {
    this.#inserted.set(this.#put(row), false)
  }

  /** Where a row with the same identity is here, that one stays. */
  ensure(row: Row): void {
    if (!this.#rows.has(this.#nameOf(row))) this.#inserted.set(this.#put(row), true)
  }

  /** False: the row is not here. Where it does not hold what `only` says, it stays as it is. */
  update(id: number, change: Partial<Row>, only?: object): boolean {
    const name = String(id)
    if (!this.#has(name)) return false
    if (only !== undefined && !this.#meets(name, only)) return true
    const row = this.#rows.get(name)
    if (row !== undefined && this.#inserted.has(name)) this.#rows.set(name, { ...row, ...change })
    else {
      const before = this.#changes.get(name)
      this.#changes.set(name, before === undefined ? change : { ...before, ...change })
    }
    return true
  }

  #meets(name: string, only: object): boolean {
    const known = [this.#changes.get(name), this.#rows.get(name), ...this.#partsById.map((parts) => parts.get(name))]
    return Object.entries(only).every(([column, values]) => {
      const one = known.find((found) => found != null && column in found)
      if (one == null) throw new Error(`an update of ${this.table} depends on ${column}, which was not read`)
      return !Array.isArray(values) || values.includes(Reflect.get(one, column))
    })
  }

  delete(of: Columns): void {
    for (const id of this.#idsOf(Object.keys(of), of)) {
      this.#rows.delete(id)
      this.#inserted.delete(id)
      this.#changes.delete(id)
    }
    this.deleted.push(of)
  }

  get inserted(): Row[] {
    return this.#insertedWhere(false)
  }

  /** Those that stay out where another row has the same unique key. */
  get ensured(): Row[] {
    return this.#insertedWhere(true)
  }

  /** What changed in rows that were there before, by id. */
  get changes(): ReadonlyMap<string, Partial<Row>> {
    return this.#changes
  }

  #insertedWhere(mayBeThere: boolean): Row[] {
    const rows: Row[] = []
    for (const [id, may] of this.#inserted) {
      const row = may === mayBeThere ? this.#rows.get(id) : undefined
      if (row !== undefined) rows.push(row)
    }
    return rows
  }

  #idsOf(by: readonly string[], of: object): string[] {
    // Of rows that are read in part, mostly.
    if (this.#rows.size === 0) return []
    const text = textOf(of, by)
    if (text === null) return []
    if (by.length === this.#identity.length && by.every((column, place) => column === this.#identity[place]))
      return [text]
    const name = by.join()
    let index = this.#indexes.get(name)
    if (index === undefined) {
      index = { by, ids: new Map() }
      this.#indexes.set(name, index)
      for (const [id, row] of this.#rows) enter(index, id, row)
    }
    return [...(index.ids.get(text) ?? [])]
  }

  #has(name: string): boolean {
    return this.#rows.has(name) || this.#partsById.some((parts) => (parts.get(name) ?? null) !== null)
  }

  #partsOf(key: records.AnyKey): Parts {
    return once(this.#parts, key, () => {
      const none: Parts = new Map()
      if (isById(key)) this.#partsById.push(none)
      return none
    })
  }

  /** Put together only for who looks at a row again: most never do. */
  #changed<Known extends Partial<Row>>(name: string, row: Known): Known {
    const change = this.#changes.get(name)
    return change === undefined ? row : { ...row, ...change }
  }

  #nameOf(row: Row): string {
    return textOf(row, this.#identity) ?? ''
  }

  #put(row: Row): string {
    const id = this.#nameOf(row)
    this.#rows.set(id, row)
    for (const index of this.#indexes.values()) enter(index, id, row)
    return id
  }
}

function enter({ by, ids }: Index, id: string, row: object): void {
  const text = textOf(row, by)
  if (text === null) return
  const known = ids.get(text)
  if (known === undefined) ids.set(text, new Set([id]))
  else known.add(id)
}
