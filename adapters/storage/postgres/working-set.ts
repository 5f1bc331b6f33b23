import * as records from '../../../src/records/index.ts'
import { once } from '../kysely/once.ts'
import { RowSet, textOf } from './row-set.ts'

type TableName = records.TableName

/** A command asked for what it had not declared. */
class Undeclared extends Error {
  constructor({ table, by }: Pick<records.AnyKey, 'table' | 'by'>) {
    super(`a command asked for ${table} by ${by.join(', ')} without having declared it`)
  }
}

type Sets = { readonly [T in TableName]: RowSet<records.Row<T>> }

/** In the order in which everybody locks; the others are only added to. */
const emptySets = (): Sets => ({
  notification_settings: new RowSet('notification_settings'),
  notification_template_versions: new RowSet('notification_template_versions'),
  patient_notification_preferences: new RowSet('patient_notification_preferences'),
  client_notification_preferences: new RowSet('client_notification_preferences'),
  notification_addresses: new RowSet('notification_addresses'),
  reminder_plans: new RowSet('reminder_plans'),
  notification_budgets: new RowSet('notification_budgets'),
  appointment_reminders: new RowSet('appointment_reminders'),
  notification_history: new RowSet('notification_history'),
  notification_answers: new RowSet('notification_answers'),
  task_manager_tasks: new RowSet('task_manager_tasks'),
  reminder_plan_recipients: new RowSet('reminder_plan_recipients'),
  notification_waiting: new RowSet('notification_waiting'),
  replan_jobs: new RowSet('replan_jobs'),
  notification_decisions: new RowSet('notification_decisions'),
  notification_audit: new RowSet('notification_audit'),
  notification_suppressions: new RowSet('notification_suppressions'),
  notification_consents: new RowSet('notification_consents'),
  notification_inbound: new RowSet('notification_inbound'),
  appointment_outcomes: new RowSet('appointment_outcomes'),
  notification_accounts: new RowSet('notification_accounts'),
  notification_previous_accounts: new RowSet('notification_previous_accounts'),
  notification_requests: new RowSet('notification_requests'),
  notification_jobs: new RowSet('notification_jobs'),
  notification_links: new RowSet('notification_links'),
  notification_keys: new RowSet('notification_keys'),
  notification_counters: new RowSet('notification_counters'),
})

const names = new WeakMap<records.AnyKey, string>()
/** Of those who find the same rows, whatever of them they read. */
const nameOf = (key: records.AnyKey): string =>
  once(names, key, ({ table, by, where }) => `${table} ${by.join()} ${JSON.stringify(where)}`)

/** Gives an id that the database set aside for this table. */
export type NextId = (table: records.NumberedTable) => number

/**
 * The rows of the commands of one transaction: read and locked before, and written in bulk when all commands are done.
 */
export class WorkingSet implements records.Rows {
  readonly ids: records.IdCodec
  readonly rollsUp = false
  readonly sets = emptySets()
  readonly touched = { reminder_id: new Map<number, number>(), notification_id: new Map<number, number>() }
  /** What whole rows were read by: names of keys, and their values. */
  readonly #declared = new Map<string, Set<string>>()
  readonly #counters = new Map<string, records.Row<'notification_counters'>>()
  readonly #nextId: NextId
  #temporaryId = 0

  constructor(ids: records.IdCodec, nextId: NextId) {
    this.ids = ids
    this.#nextId = nextId
  }

  /** From now on a row of this key that is not here is absent. */
  declare(key: records.AnyKey, texts: Iterable<string>): void {
    if (key.columns === null) {
      const declared = once(this.#declared, nameOf(key), () => new Set())
      for (const text of texts) declared.add(text)
    } else this.sets[key.table].expectParts(key, texts)
  }

  /** Rows of a key that is read in part. */
  loadParts(key: records.AnyKey, rows: readonly never[]): void {
    this.sets[key.table].loadParts(key, rows)
  }

  get: records.Rows['get'] = (key, of) => {
    const row = this.sets[key.table].find(key, of)[0]
    if (row !== undefined) return row
    const text = textOf(of, key.by)
    if (text === null) return undefined
    const part = key.columns === null ? undefined : this.sets[key.table].part(key, text)
    if (part === undefined) this.#requireDeclared(key, text)
    return part ?? undefined
  }

  list: records.Rows['list'] = (key, of) => {
    this.#requireDeclared(key, textOf(of, key.by))
    return this.sets[key.table].find(key, of)
  }

  insert: records.Rows['insert'] = (table, row) => {
    const id = this.#nextId(table)
    this.sets[table].insert({ ...row, id })
    return id
  }

  insertNew: records.Rows['insertNew'] = (key, row) =>
    this.get(key, row) === undefined ? this.insert(key.table, row) : null

  appendNew: records.Rows['appendNew'] = (key, row) => {
    if (this.get(key, row) !== undefined) return false
    this.append(key.table, row)
    return true
  }

  append: records.Rows['append'] = (table, row) => this.sets[table].insert(this.#numbered(row))
  ensure: records.Rows['ensure'] = (table, row) => this.sets[table].ensure(this.#numbered(row))

  update: records.Rows['update'] = (table, id, change, only) => {
    const set = this.sets[table]
    if (set.update(id, change, only) || set.wasReadInPart(id)) return
    // A change of a row that was not read would be lost without a word.
    this.#requireDeclared({ table, by: ['id'], columns: null, where: {} }, String(id))
  }

  deleteBy: records.Rows['deleteBy'] = (table, of) => this.sets[table].delete({ ...of })

  add: records.Rows['add'] = (counter) => {
    const text = textOf(counter, records.keys.counter.by) ?? ''
    const before = this.#counters.get(text)?.count ?? 0
    this.#counters.set(text, { ...counter, count: before + counter.count })
  }

  /** What is touched twice is looked at by the earlier time. */
  touch: records.Rows['touch'] = (of, at) => {
    const [touched, id] =
      'reminder_id' in of
        ? [this.touched.reminder_id, of.reminder_id]
        : [this.touched.notification_id, of.notification_id]
    touched.set(id, Math.min(at, touched.get(id) ?? at))
  }

  get counters(): readonly records.Row<'notification_counters'>[] {
    return [...this.#counters.values()]
  }

  #requireDeclared(key: records.AnyKey, text: string | null): void {
    if (text !== null && this.#declared.get(nameOf(key))?.has(text) !== true) throw new Undeclared(key)
  }

  #numbered<Row extends object>(row: Row): Row {
    return 'id' in row ? { ...row, id: this.#nextTemporaryId() } : row
  }

  /** Of a row that gets its own when it is written. */
  #nextTemporaryId(): number {
    this.#temporaryId -= 1
    return this.#temporaryId
  }
}
