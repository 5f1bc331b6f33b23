import type { IdCodec } from './ids.ts'
import type { AnyKey, Key, KeyOf, Part, WholeKey } from './keys.ts'
import type { Row, TableName } from './tables/tables.ts'

/** Tables whose rows have a number, given by the database. */
export type IdTable = { [T in TableName]: Row<T> extends { readonly id: number } ? T : never }[TableName]
/** Those of which a command learns the number when it inserts. */
export type NumberedTable = Exclude<
  IdTable,
  | 'notification_decisions'
  | 'notification_audit'
  | 'notification_consents'
  | 'notification_template_versions'
  | 'notification_previous_accounts'
  | 'replan_jobs'
>

type Column<T extends TableName> = keyof Row<T> & string

/** An update changes the row only where this column holds one of these values. */
export type Condition<T extends TableName> = { readonly [C in Column<T>]?: readonly NonNullable<Row<T>[C]>[] }

/** The id of a row that is to be inserted: the database gives it. */
export const unassigned = 0

/**
 * The rows of a command, and the only way in which a command reads and writes. A command is one synchronous step of one
 * transaction: it sees its own writes, and what others committed before it began. It may run again on rows read anew, so it keeps
 * nothing outside. Valid until the command returns.
 *
 * Absent is an answer: `undefined`, or an empty list; of a key one of whose values is null, always. A storage that loads rows
 * before the command runs throws where a command reads or updates what it did not declare: a row that was not loaded must never
 * look as if it were not there.
 */
export type Rows = {
  /** Turns ids of the host into what the columns hold. */
  readonly ids: IdCodec
  /**
   * Whether counters of all organizations together are kept too (organization ''). Reading them is cheap then; but every writer
   * of every process changes the same few rows, which only a database with one writer at a time bears well.
   */
  readonly rollsUp: boolean
  /** The row of a unique key. */
  get<T extends TableName, B extends Column<T>, C extends Column<T>>(
    key: Key<T, B, C>,
    of: KeyOf<T, B>,
  ): Part<T, C> | undefined
  /** All rows of a key, in any order. */
  list<T extends TableName, B extends Column<T>>(key: WholeKey<T, B>, of: KeyOf<T, B>): readonly Row<T>[]
  /** Returns the id. If somebody inserted a row with the same unique key meanwhile, the transaction fails, and runs again. */
  insert<T extends NumberedTable>(table: T, row: Row<T>): number
  /** Inserts, unless the row of the unique key is there: null. The key is to be declared. */
  insertNew<T extends NumberedTable, B extends Column<T>, C extends Column<T>>(
    key: Key<T, B, C>,
    row: Row<T>,
  ): number | null
  /** The same for a table whose rows have no number: whether it was inserted. */
  appendNew<T extends TableName, B extends Column<T>>(key: Key<T, B, Column<T>>, row: Row<T>): boolean
  /** Inserts without an answer, and, as all that is blind, not always seen by the command itself. */
  append<T extends TableName>(table: T, row: Row<T>): void
  /** Inserts without an answer; a row with the same unique key stays as it is. */
  ensure<T extends TableName>(table: T, row: Row<T>): void
  /** Changes these columns of the row, where it is there and holds what `only` says. */
  update<T extends IdTable>(table: T, id: number, change: Partial<Row<T>>, only?: Condition<T>): void
  /** Deletes all rows that hold this in columns that never change. Blind: they need not be declared. */
  deleteBy<T extends TableName, B extends Column<T>>(table: T, of: KeyOf<T, B>): void
  /** Adds to a counter, which never falls below zero. Blind; what a command adds to the same one may count as one sum. */
  add(counter: Row<'notification_counters'>): void
  /** Has the tasks of a reminder or a delivery looked at by `at`, or earlier where they are anyway. Blind, and after all updates. */
  touch(of: TaskOf, at: number): void
}
export type TaskOf = { readonly reminder_id: number } | { readonly notification_id: number }

/** What a command may look at while it declares what else it reads. */
export type Found = Pick<Rows, 'ids' | 'get' | 'list'>

/**
 * One thing that a command reads. `lock: 'update'` keeps others from changing the rows before the commit, and from locking them;
 * `share` only from changing them; `none` reads them as they are.
 */
export type Read = {
  readonly key: AnyKey
  readonly of: { readonly [column: string]: unknown }
  readonly lock: 'update' | 'share' | 'none'
  /** Null, or: `of` finds rows of this other key, and these hold in `column` the id of the row that is read. */
  readonly through: { readonly key: AnyKey; readonly column: string } | null
}

export const read = <T extends TableName, B extends Column<T>, C extends Column<T>>(
  key: Key<T, B, C>,
  of: KeyOf<T, B>,
  lock: Read['lock'] = 'update',
): Read => ({ key, of: { ...of }, lock, through: null })

/**
 * That no row of a key is there, which no lock on a row can guard. Who `relies` on it and who `ends` it do not happen at once,
 * nor do two who end it; any number may rely on it.
 */
export type Absence = {
  readonly key: AnyKey
  readonly of: { readonly [column: string]: unknown }
  readonly way: 'relies' | 'ends'
}

/** The rows whose ids rows of another table hold in `column`: found and locked before those are. */
export const readThrough = <T extends TableName, B extends Column<T>>(
  key: AnyKey,
  through: Key<T, B, Column<T>>,
  column: Column<T>,
  of: KeyOf<T, B>,
): Read => ({ key, of: { ...of }, lock: 'update', through: { key: through, column } })

/**
 * A command: a batch of items, each of which happens completely or not at all. What it reads is declared in stages, each of which
 * may look at what those before found; over all stages tables come in `lockOrder`. A stage may be called twice: first before what
 * it looks at is there, in case it looks at nothing.
 */
export type Command<Item, Outcome> = {
  /** Guarded before anything is read. */
  readonly absences?: (item: Item, ids: IdCodec) => readonly Absence[]
  readonly stages: readonly ((item: Item, found: Found) => readonly Read[])[]
  /** How many rows of a table the item inserts, at most. */
  readonly inserts?: (item: Item) => readonly (readonly [NumberedTable, number])[]
  /** One outcome an item, in their order. */
  readonly run: (rows: Rows, items: readonly Item[]) => readonly Outcome[]
  /** What becomes of an item whose rows another transaction has: null, all wait for it. */
  readonly held: Held<Outcome> | null
}
export type Held<Outcome> = {
  readonly outcome: Outcome
  /** `never`: such an item is left out at once. `shortly`: when it has waited in vain. `apart`: as `shortly`, but one alone waits. */
  readonly wait: 'never' | 'shortly' | 'apart'
}

/** The order in which everybody locks, so that nobody waits in a circle; and within a table by id. */
export const lockOrder = [
  'notification_settings',
  'notification_template_versions',
  'patient_notification_preferences',
  'client_notification_preferences',
  'notification_addresses',
  'reminder_plans',
  'notification_budgets',
  'appointment_reminders',
  'notification_history',
  'notification_answers',
  'task_manager_tasks',
  'notification_decisions',
] as const satisfies readonly TableName[]

/** Carries out each item by itself. */
export const each =
  <Item, Outcome>(one: (rows: Rows, item: Item) => Outcome) =>
  (rows: Rows, items: readonly Item[]): Outcome[] =>
    items.map((item) => one(rows, item))
