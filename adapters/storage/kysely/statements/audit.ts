import { type Bind, type Builder, insertQuery, type Mode, query } from '../query.ts'

const table = 'notification_audit'

export const auditStatements = <M extends Mode>(db: Builder, bind: Bind<M>) => ({
  insert: bind(
    insertQuery(db, table, [
      'organization_id',
      'at',
      'actor_kind',
      'actor_id',
      'action',
      'target_type',
      'target_id',
      'details',
    ] as const),
  ),
})

/** In any order. */
export const auditRows = (db: Builder, ids: readonly number[]) =>
  query(() => db.selectFrom(table).selectAll().where('id', 'in', ids).compile())
