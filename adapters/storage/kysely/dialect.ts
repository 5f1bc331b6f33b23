import type { RawBuilder } from 'kysely'
import type { EntityId } from '../../../src/index.ts'
import type * as records from '../../../src/records/index.ts'

/** As the database takes it: JSON, or an array. */
export type List = string | readonly EntityId[]

/** What a database says in its own words in a statement that is else the same. */
export type Dialect = {
  /** How an instant is taken in a condition that is built for a call. */
  readonly instantOf: (ms: number) => RawBuilder<number>
  /** Of the tables, where the database has several. */
  readonly schema?: string
  /** To merge ordered rows as they are asked for, Postgres needs ORDER BY in each branch; SQLite takes it so without. */
  readonly tellsOrder: boolean
  /** A column by which no index is to be chosen. SQLite would take the one that most conditions meet, however many rows do. */
  readonly unindexed: (column: string) => RawBuilder<unknown>
  /** A list of values as one parameter, so that one statement finds what a batch names. */
  readonly list: (values: readonly EntityId[]) => List
  /** The rows `t` of a table with one of these values. */
  readonly valued: (
    table: records.TableName,
    column: string,
    list: RawBuilder<List>,
  ) => { readonly from: RawBuilder<unknown>; readonly where: RawBuilder<boolean> }
  /**
   * The same by several columns, of which `keys` is a JSON list of objects: what follows FROM. Each is looked for through an index, whatever the planner
   * knows of the table; `beside` is compared with what was found.
   */
  readonly keyed: (
    table: records.TableName,
    by: readonly string[],
    keys: RawBuilder<string>,
    beside?: readonly string[],
  ) => RawBuilder<unknown>
  /** Whether a column is among the values of a subquery, which are few. */
  readonly among: (column: string, few: RawBuilder<unknown>) => RawBuilder<boolean>
}
