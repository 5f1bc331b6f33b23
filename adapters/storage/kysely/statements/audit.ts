import type { AuditAction } from '../../../../src/index.ts'
import { type Bind, type Builder, type InstantOf, insertQuery, type Mode, query } from '../query.ts'

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

/** An `AuditQuery` in the database's terms. Compiled for every call: which conditions there are is the caller's choice. */
export function auditPage(
  db: Builder,
  filter: {
    readonly organizationId: string
    readonly action: AuditAction | undefined
    readonly from: number | undefined
    readonly to: number | undefined
    readonly before: number | undefined
    readonly limit: number
  },
  instantOf: InstantOf,
) {
  let rows = db.selectFrom(table).selectAll().where('organization_id', '=', filter.organizationId)
  const { action, from, to, before } = filter
  if (action !== undefined) rows = rows.where('action', '=', action)
  if (from !== undefined) rows = rows.where('at', '>=', instantOf(from))
  if (to !== undefined) rows = rows.where('at', '<=', instantOf(to))
  if (before !== undefined) rows = rows.where('id', '<', before)
  return query(() => rows.orderBy('id', 'desc').limit(filter.limit).compile())
}
