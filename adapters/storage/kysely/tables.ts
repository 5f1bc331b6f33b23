import type { records } from '../../../src/index.ts'

/** The tables as Kysely takes them. */
export type Tables = { [T in records.TableName]: records.Row<T> } & Record<
  typeof records.ledgerName,
  records.RowOf<typeof records.ledger>
>
