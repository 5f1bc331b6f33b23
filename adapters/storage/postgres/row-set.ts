import * as records from '../../../src/records/index.ts'

type TableName = records.TableName
type Columns = { readonly [column: string]: unknown }

/** By what rows are told apart; null where one of these columns is null, which equals nothing. */
export function textOf(row: object, columns: readonly string[]): string | null {
  const [only = ''] = columns
  if (columns.length === 1) {
    const value: unknown = Reflect.get(row, only)
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

/**
 * Some columns of the rows of a key, by what they are told apart by; `row` null: there is no such row. A map, since each of its keys is put
 * together for the question, and an object would keep them all.
 */
type Parts<Row> = Map<string, { row: Partial<Row> | null }>

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
  readonly #parts = new Map<records.AnyKey, Parts<Row>>()
  /** Of these, those of keys by id. */
  readonly #partsById: Parts<Row>[] = []
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

  /** The rows of a key that is read in part. Those of a key by id show what was changed of them. */
  partsOf(key: records.AnyKey): Parts<Row> {
    const known = this.#parts.get(key)
    if (known !== undefined) return known
    const none: Parts<Row> = new Map()
    this.#parts.set(key, none)
    if (isById(key)) this.#partsById.push(none)
    return none
  }

  /** Whether the row is here, be it whole or in part. */
  has(id: number): boolean {
    return this.#rows.has(String(id)) || this.#partsById.some((parts) => (parts.get(String(id))?.row ?? null) !== null)
  }

  /** Whether it was read in part, be it there or not. */
  wasReadInPart(id: number): boolean {
    return this.#partsById.some((parts) => parts.has(String(id)))
  }

  /** Of all rows that are here. */
  ids(): number[] {
    const ofParts = this.#partsById.flatMap((parts) => [...parts].flatMap(([id, { row }]) => (row === null ? [] : id)))
    return [...this.#rows.keys(), ...ofParts].map(Number)
  }

  /** Rows that hold these values, in the order in which they came. */
  find({ by, where }: Pick<records.AnyKey, 'by' | 'where'>, of: object): Row[] {
    const found = (id: string): Row[] => {
      const row = this.#rows.get(id)
      return row === undefined || !holds(row, where) ? [] : [row]
    }
    const [only, ...others] = this.#idsOf(by, of)
    if (only === undefined) return []
    return others.length === 0 ? found(only) : [only, ...others].flatMap(found)
  }

  insert(row: Row): void {
    this.#inserted.set(this.#put(row), false)
  }

  /** Where a row with the same identity is here, that one stays. */
  ensure(row: Row): void {
    if (!this.#rows.has(this.#nameOf(row))) this.#inserted.set(this.#put(row), true)
  }

  update(id: number, change: Partial<Row>, only?: object): void {
    const name = String(id)
    const row = this.#rows.get(name)
    const parts = this.#partsOf(name)
    if (row === undefined && parts.length === 0) return
    if (only !== undefined) {
      for (const [column, values] of Object.entries(only)) {
        const known = [row, ...parts.map((one) => one.row)].find((one) => one != null && column in one)
        if (known == null) throw new Error(`an update of ${this.table} depends on ${column}, which was not read`)
        if (Array.isArray(values) && !values.includes(Reflect.get(known, column))) return
      }
    }
    if (row !== undefined) this.#rows.set(name, { ...row, ...change })
    for (const one of parts) one.row = { ...one.row, ...change }
    if (this.#inserted.has(name)) return
    const before = this.#changes.get(name)
    this.#changes.set(name, before === undefined ? change : { ...before, ...change })
  }

  /** What was read of a row in part, where it is there. */
  #partsOf(id: string): { row: Partial<Row> | null }[] {
    const found: { row: Partial<Row> | null }[] = []
    for (const parts of this.#partsById) {
      const part = parts.get(id)
      if (part !== undefined && part.row !== null) found.push(part)
    }
    return found
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
