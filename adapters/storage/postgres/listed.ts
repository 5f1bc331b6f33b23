import type { IdKinds } from '../../../src/index.ts'
import type * as records from '../../../src/records/index.ts'
import { quoted, typeIn } from './names.ts'
import { encodeColumn } from './values.ts'

/**
 * These columns of rows as a table `r` of a statement, whose parameters from `place` on are its values: an array for each column,
 * so that there is one statement for any number of rows. To write and read them as JSON takes both sides several times as long.
 */
export function listed(
  table: records.TableName,
  columns: readonly string[],
  rows: readonly { readonly [column: string]: unknown }[],
  ids: IdKinds,
  place = 1,
): { readonly from: string; readonly values: readonly string[] } {
  const arrays = columns.map((name, index) => `$${place + index}::${typeIn(table, name, ids)}[]`)
  return {
    from: `unnest(${arrays.join(', ')}) as r(${columns.map(quoted).join(', ')})`,
    values: columns.map((name) => encodeColumn(name, rows)),
  }
}
