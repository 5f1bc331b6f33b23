import type * as records from '../../../src/records/index.ts'

/** The tables as Kysely takes them. */
export type Tables = { [T in records.TableName]: records.Row<T> } & Record<
  typeof records.ledgerName,
  records.RowOf<typeof records.ledger>
>
