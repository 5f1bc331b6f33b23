import type { Dialect } from '../dialect.ts'
import { type Builder, type Param, pageBy, query, rowsBy } from '../query.ts'

const keys = 'notification_keys'

export const keyStatements = (db: Builder, dialect: Dialect) => ({
  get: rowsBy(db, dialect, keys, 'name'),
  add: query((p: Param<{ name: string; sealed: string; created_at: number }>) =>
    db
      .insertInto(keys)
      .values({ name: p('name'), sealed: p('sealed'), created_at: p('created_at') })
      .onConflict((conflict) => conflict.doNothing())
      .compile(),
  ),
  replace: query((p: Param<{ name: string; before: string; sealed: string }>) =>
    db
      .updateTable(keys)
      .set({ sealed: p('sealed') })
      .where('name', '=', p('name'))
      .where('sealed', '=', p('before'))
      .compile(),
  ),
  previousAccounts: pageBy(db, dialect, 'notification_previous_accounts', [], 'id'),
})
