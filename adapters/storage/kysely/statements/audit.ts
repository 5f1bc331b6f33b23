import { type Builder, query } from '../query.ts'

/** In any order. */
export const auditRows = (db: Builder, ids: readonly number[]) =>
  query(() => db.selectFrom('notification_audit').selectAll().where('id', 'in', ids).compile())
