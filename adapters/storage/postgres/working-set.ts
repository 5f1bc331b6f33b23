import { records } from '../../../src/index.ts'

type TableName = records.TableName
type Columns = { readonly [column: string]: unknown }

const { tables } = records

const textOf = (row: object, columns: readonly string[]): string =>
  columns.length === 1
    ? String(Reflect.get(row, columns[0] ?? ''))
    : columns.map((name) => Reflect.get(row, name)).join('\0')

/** What a command asked for was not declared, or came to be needed by what another transaction did in between. */
export class Undeclared extends Error {
  constructor(key: records.AnyKey) {
    super(`a command read ${key.table} by ${key.by.join(', ')} without having declared it`)
  }
}

/** Also where an error of the storage was made of it. */
export const isUndeclared = (error: unknown): boolean =>
  error instanceof Undeclared || (error instanceof Error && error.cause instanceof Undeclared)

const holds = (row: object, where: records.AnyKey['where']): boolean => {
  for (const [name, condition] of Object.entries(where)) {
    const value: unknown = Reflect.get(row, name)
    if (condition === 'null' ? value !== null : condition === 'not null' ? value === null : !isIn(value, condition))
      return false
  }
  return true
}
const isIn = (value: unknown, words: readonly unknown[]): boolean => words.includes(value)

/**
 * Rows of one table that a transaction read under lock, and what its commands made of them. A command sees every change at once; the
 * database gets them in bulk, when all commands of the transaction are done.
 */
export class RowSet<Row extends object> {
  readonly #identity: readonly string[]
  readonly #rows = new Map<string, Row>()
  readonly #indexes = new Map<string, { readonly by: readonly string[]; readonly of: Map<string, Set<string>> }>()
  readonly #inserted = new Set<string>()
  readonly #changes = new Map<string, Partial<Row>>()

  /** `identity`: the columns that say which row it is. */
  constructor(identity: readonly string[]) {
    this.#identity = identity
  }

  /** Takes rows as the database has them. */
  load(rows: readonly Row[]): void {
    for (const row of rows) this.#put(row)
  }

  has(id: number): boolean {
    return this.#rows.has(String(id))
  }

  all(): Row[] {
    return [...this.#rows.values()]
  }

  /** Rows that hold these values, in the order in which they came. */
  find({ by, where }: records.AnyKey, of: object): Row[] {
    const text = textOf(of, by)
    if (by.join() === this.#identity.join()) {
      const row = this.#rows.get(text)
      return row === undefined || !holds(row, where) ? [] : [row]
    }
    const found = this.#indexOf(by).of.get(text) ?? []
    return [...found].flatMap((id) => this.#rows.get(id) ?? []).filter((row) => holds(row, where))
  }

  insert(row: Row): void {
    this.#put(row)
    this.#inserted.add(textOf(row, this.#identity))
  }

  update(id: number, change: Partial<Row>, only: Columns = {}): void {
    const row = this.#rows.get(String(id))
    if (row === undefined) return
    for (const [name, values] of Object.entries(only)) {
      if (Array.isArray(values) && !values.includes(Reflect.get(row, name))) return
    }
    this.#rows.set(String(id), { ...row, ...change })
    if (!this.#inserted.has(String(id))) this.#changes.set(String(id), { ...this.#changes.get(String(id)), ...change })
  }

  /** Forgets the rows that hold this; whoever writes deletes them in the database. */
  delete(of: object): void {
    const columns = Object.keys(of)
    const text = textOf(of, columns)
    for (const [id, row] of this.#rows) {
      if (textOf(row, columns) !== text) continue
      this.#rows.delete(id)
      this.#inserted.delete(id)
      this.#changes.delete(id)
    }
  }

  get inserted(): Row[] {
    return [...this.#inserted].flatMap((id) => this.#rows.get(id) ?? [])
  }

  /** What changed in rows that were there before, by id. */
  get changes(): ReadonlyMap<string, Partial<Row>> {
    return this.#changes
  }

  #indexOf(by: readonly string[]) {
    const name = by.join()
    let index = this.#indexes.get(name)
    if (index === undefined) {
      index = { by, of: new Map() }
      this.#indexes.set(name, index)
      for (const [id, row] of this.#rows) this.#enter(index, id, row)
    }
    return index
  }

  #put(row: Row): void {
    const id = textOf(row, this.#identity)
    this.#rows.set(id, row)
    for (const index of this.#indexes.values()) this.#enter(index, id, row)
  }

  #enter(index: { readonly by: readonly string[]; readonly of: Map<string, Set<string>> }, id: string, row: Row): void {
    const text = textOf(row, index.by)
    const ids = index.of.get(text)
    if (ids === undefined) index.of.set(text, new Set([id]))
    else ids.add(id)
  }
}

type Sets = { readonly [T in TableName]: RowSet<records.Row<T>> }

function setOf<T extends TableName>(table: T): RowSet<records.Row<T>> {
  const { primaryKey }: records.Table = tables[table]
  return new RowSet(primaryKey ?? ['id'])
}

const emptySets = (): Sets => ({
  notification_settings: setOf('notification_settings'),
  patient_notification_preferences: setOf('patient_notification_preferences'),
  client_notification_preferences: setOf('client_notification_preferences'),
  reminder_plans: setOf('reminder_plans'),
  reminder_plan_recipients: setOf('reminder_plan_recipients'),
  appointment_reminders: setOf('appointment_reminders'),
  notification_history: setOf('notification_history'),
  task_manager_tasks: setOf('task_manager_tasks'),
  notification_decisions: setOf('notification_decisions'),
  notification_suppressions: setOf('notification_suppressions'),
  notification_audit: setOf('notification_audit'),
  notification_counters: setOf('notification_counters'),
  appointment_outcomes: setOf('appointment_outcomes'),
  notification_requests: setOf('notification_requests'),
  notification_jobs: setOf('notification_jobs'),
  notification_accounts: setOf('notification_accounts'),
  notification_waiting: setOf('notification_waiting'),
  replan_jobs: setOf('replan_jobs'),
})

const names = new Map<records.AnyKey, string>()
const nameOf = (key: records.AnyKey): string => {
  let name = names.get(key)
  if (name === undefined) {
    name = `${key.table} ${key.by.join()} ${JSON.stringify(key.where)}`
    names.set(key, name)
  }
  return name
}

export type Deleted = { readonly table: TableName; readonly of: Columns }

/** Gives an id that the database set aside for this table. */
export type NextId = (table: records.NumberedTable) => number

/**
 * The rows of the commands of one transaction: read and locked before, and written in bulk when all commands are done.
 */
export class WorkingSet implements records.Rows {
  readonly ids: records.IdCodec
  readonly rollsUp = false
  readonly sets = emptySets()
  /** Rows that nobody asks for again, by table; `ensured`: which may be there already. */
  readonly appended = new Map<TableName, Columns[]>()
  readonly ensured = new Map<TableName, Columns[]>()
  readonly deleted: Deleted[] = []
  readonly counters: records.Row<'notification_counters'>[] = []
  readonly touched = { reminder_id: new Map<number, number>(), notification_id: new Map<number, number>() }
  readonly #declared = new Map<string, Set<string>>()
  /** Of keys that are read in part: what was found, by the values of the key. */
  readonly #parts = new Map<records.AnyKey, object>()
  readonly #nextId: NextId
  #planId = 0

  constructor(ids: records.IdCodec, nextId: NextId) {
    this.ids = ids
    this.#nextId = nextId
  }

  /** From now on a row of this key that is not here is absent. */
  declare(key: records.AnyKey, of: object): void {
    const name = nameOf(key)
    const declared = this.#declared.get(name)
    const text = textOf(of, key.by)
    if (declared === undefined) this.#declared.set(name, new Set([text]))
    else declared.add(text)
  }

  /** A row of a key that is read in part. */
  loadPart(key: records.AnyKey, row: object): void {
    const parts = this.#parts.get(key) ?? Object.create(null)
    Reflect.set(parts, textOf(row, key.by), row)
    this.#parts.set(key, parts)
  }

  get: records.Rows['get'] = (key, of) => {
    const [row] = this.sets[key.table].find(key, of)
    if (row !== undefined) return row
    const parts = this.#parts.get(key)
    return (parts && Reflect.get(parts, textOf(of, key.by))) ?? this.#absent(key, of)
  }

  list: records.Rows['list'] = (key, of) => {
    this.#absent(key, of)
    return this.sets[key.table].find(key, of)
  }

  insert: records.Rows['insert'] = (table, row) => {
    // The real id is given when the row is written: re-plans page by it, so it must not be older than the row.
    const isPlan = table === 'reminder_plans'
    if (isPlan) this.#planId -= 1
    const id = isPlan ? this.#planId : this.#nextId(table)
    this.sets[table].insert({ ...row, id })
    return id
  }

  insertNew: records.Rows['insertNew'] = (key, row) =>
    this.get(key, row) === undefined ? this.insert(key.table, row) : null

  appendNew: records.Rows['appendNew'] = (key, row) => {
    if (this.get(key, row) !== undefined) return false
    this.sets[key.table].insert(row)
    return true
  }

  append: records.Rows['append'] = (table, row) => add(this.appended, table, row)
  ensure: records.Rows['ensure'] = (table, row) => add(this.ensured, table, row)

  update: records.Rows['update'] = (table, id, change, only) => this.sets[table].update(id, change, only)

  deleteBy: records.Rows['deleteBy'] = (table, of) => {
    const columns = Object.keys(of)
    const text = textOf(of, columns)
    this.sets[table].delete(of)
    for (const rows of [this.appended, this.ensured]) {
      const kept = rows.get(table)?.filter((row) => textOf(row, columns) !== text)
      if (kept !== undefined) rows.set(table, kept)
    }
    this.deleted.push({ table, of: { ...of } })
  }

  add: records.Rows['add'] = (counter) => void this.counters.push(counter)

  /** What is touched twice is looked at by the earlier time. */
  touch: records.Rows['touch'] = (of, at) => {
    const [touched, id] =
      'reminder_id' in of
        ? [this.touched.reminder_id, of.reminder_id]
        : [this.touched.notification_id, of.notification_id]
    touched.set(id, Math.min(at, touched.get(id) ?? at))
  }

  #absent(key: records.AnyKey, of: object): undefined {
    if (this.#declared.get(nameOf(key))?.has(textOf(of, key.by)) !== true) throw new Undeclared(key)
  }
}

function add(to: Map<TableName, Columns[]>, table: TableName, row: Columns): void {
  const rows = to.get(table)
  if (rows === undefined) to.set(table, [row])
  else rows.push(row)
}
