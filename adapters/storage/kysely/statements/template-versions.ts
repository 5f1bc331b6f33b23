import { type Builder, type Param, query } from '../query.ts'

const table = 'notification_template_versions'

export const templateVersionStatements = (db: Builder) => ({
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
  get: query((p: Param<{ organizationId: string; version: number }>) =>
    db
      .selectFrom(table)
      .selectAll()
      .where('organization_id', '=', p('organizationId'))
      .where('version', '=', p('version'))
      .compile(),
  ),
})
