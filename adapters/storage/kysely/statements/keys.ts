import { type Builder, type Param, query } from '../query.ts'

const keys = 'notification_keys'
const previous = 'notification_previous_accounts'

export const keyStatements = (db: Builder) => ({
  get: query((p: Param<{ name: string }>) =>
    db.selectFrom(keys).select('sealed').where('name', '=', p('name')).compile(),
  ),
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
  previousAccounts: query((p: Param<{ id: number; limit: number }>) =>
    db.selectFrom(previous).selectAll().where('id', '>', p('id')).orderBy('id').limit(p('limit')).compile(),
  ),
})
