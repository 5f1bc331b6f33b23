import type { Dialect } from '../dialect.ts'
import { type Builder, type Param, query, rowsBy } from '../query.ts'

const table = 'notification_template_versions'

export const templateVersionStatements = (db: Builder, dialect: Dialect) => ({
  page: query((p: Param<{ organizationId: string; before: number; limit: number }>) =>
    db
      .selectFrom(table)
      .select([
        'version',
        'based_on',
        'created_at',
        'actor_kind',
        'actor_id',
        'published_at',
        'publisher_kind',
        'publisher_id',
      ])
      .where('organization_id', '=', p('organizationId'))
      .where('version', '<', p('before'))
      .orderBy('version', 'desc')
      .limit(p('limit'))
      .compile(),
  ),
  drafts: query((p: Param<{ organizationId: string; limit: number }>) =>
    db
      .selectFrom(table)
      .select('version')
      .where('organization_id', '=', p('organizationId'))
      .where('published_at', 'is', null)
      .orderBy('version')
      .limit(p('limit'))
      .compile(),
  ),
  get: rowsBy(db, dialect, table, 'organization_id', 'version'),
})
