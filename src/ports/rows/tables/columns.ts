import type { EntityId } from '../../../schemas/common.ts'
import type { IdKinds } from '../ids.ts'

/**
 * What a column holds, apart from how a database spells it. `instant` is milliseconds since the epoch, UTC; `flag` is 0
 * or 1; `json` is text. A host's id takes the kind that `MigrateOptions.ids` gives its entity.
 */
export type ColumnKind = 'serial' | 'text' | 'instant' | 'flag' | 'json' | 'int' | 'number' | keyof IdKinds

export type Column = {
  readonly kind: ColumnKind
  readonly notNull?: boolean
  /** Text of known words: one of a list that grows with the library, and that no database checks. */
  readonly isWord?: true
  /** Never there: it carries the words to the type of the column. */
  readonly words?: readonly string[]
  readonly defaultTo?: string | number
  /** Of a `serial`: not even the number of a deleted row is given again. */
  readonly monotonic?: boolean
}

export type Index = {
  readonly name: string
  readonly columns: readonly string[]
  readonly unique?: boolean
  /** A partial index: only rows where this column is not null. */
  readonly whereNotNull?: string
  /** A partial index: only rows where these columns are null. */
  readonly whereNull?: readonly string[]
  /** A partial index: only rows where this column holds this word. */
  readonly whereIs?: { readonly column: string; readonly word: string }
}

export type Table = {
  readonly columns: Readonly<Record<string, Column>>
  /** Where there is no `serial`. */
  readonly primaryKey?: readonly string[]
  /** Rows in the order of the primary key, where the database has that: read by ranges of it. */
  readonly clustered?: boolean
  /** Percent of a page that rows fill when they are inserted, where the database has that: a change then stays in the page. */
  readonly fillFactor?: number
  readonly indexes: readonly Index[]
}

export const optional = <K extends ColumnKind>(kind: K) => ({ kind }) as const
export const required = <K extends ColumnKind>(kind: K) => ({ kind, notNull: true }) as const

/** Of most tables. */
export const times = { created_at: required('instant'), updated_at: required('instant') } as const

type Word = {
  readonly kind: 'text'
  readonly notNull?: boolean
  readonly isWord?: true
  readonly words?: readonly string[]
}

export const word = <W extends string>(): {
  readonly kind: 'text'
  readonly isWord: true
  readonly words?: readonly W[]
} => ({ kind: 'text', isWord: true })
export const never = <C extends Word>(column: C): C & { readonly notNull: true } => ({ ...column, notNull: true })

type Held<C extends Column> = C['kind'] extends keyof IdKinds
  ? EntityId
  : C['kind'] extends 'text' | 'json'
    ? C extends { readonly words?: readonly (infer W extends string)[] }
      ? W
      : string
    : number

type ValueOf<C extends Column> = C['kind'] extends 'serial'
  ? number
  : C extends { readonly notNull: true }
    ? Held<C>
    : Held<C> | null

/** A row of a table, from its description: the columns are written down once. */
export type RowOf<T extends Table> = { -readonly [K in keyof T['columns']]: ValueOf<T['columns'][K]> }
