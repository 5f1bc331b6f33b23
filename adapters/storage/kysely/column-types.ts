import type { IdKinds } from '../../../src/index.ts'
import type * as records from '../../../src/records/index.ts'

/** How a database spells the kinds of columns. */
export type ColumnTypes = {
  readonly [K in Exclude<records.Column['kind'], keyof IdKinds>]: string
} & {
  /** A `serial` that gives no number twice. */
  readonly monotonic: string
  readonly integerId: string
  readonly textId: string
  /** What ends the definition of a clustered table; '' where there is no such thing. */
  readonly clustered: string
  /** What ends the definition of a table whose pages are not filled; '' where there is no such thing. */
  readonly filledTo: (percent: number) => string
}

/** Instants are integers, milliseconds since the epoch in UTC: exact, and an index on them is small and fast. */
export const sqliteTypes: ColumnTypes = {
  serial: 'integer primary key',
  monotonic: 'integer primary key autoincrement',
  text: 'text',
  instant: 'integer',
  flag: 'integer',
  json: 'text',
  int: 'integer',
  number: 'real',
  integerId: 'integer',
  textId: 'text',
  clustered: 'without rowid',
  filledTo: () => '',
}

/** As documented. Ids and counters are 64 bits wide, because ids may be any safe integer and revisions hold milliseconds. */
export const postgresTypes: ColumnTypes = {
  serial: 'serial primary key',
  monotonic: 'serial primary key',
  text: 'text',
  instant: 'timestamptz(3)',
  flag: 'boolean',
  json: 'jsonb',
  int: 'bigint',
  number: 'numeric',
  integerId: 'bigint',
  textId: 'text',
  clustered: '',
  filledTo: (percent) => `with (fillfactor = ${percent})`,
}

export function typeOf(column: records.Column, types: ColumnTypes, ids: IdKinds): string {
  if (column.kind === 'appointment' || column.kind === 'recipient' || column.kind === 'waitlistEntry') {
    return ids[column.kind] === 'text' ? types.textId : types.integerId
  }
  return column.monotonic === true ? types.monotonic : types[column.kind]
}
