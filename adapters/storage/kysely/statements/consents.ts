import { sql } from 'kysely'
import type { EntityId, PreferenceRef } from '../../../../src/index.ts'
import type { Dialect } from '../dialect.ts'
import { type Builder, type Param, pageBy, query, rowsBy } from '../query.ts'

type Page = { organizationId: string; before: number; limit: number }

const inbound = 'notification_inbound'

export const consentStatements = (db: Builder, dialect: Dialect) => {
  const page = (p: Param<Page>) =>
    db
      .selectFrom('notification_consents')
      .selectAll()
      .where('id', '<', p('before'))
      .orderBy('id', 'desc')
      .limit(p('limit'))
  return {
    records: query((p: Param<Page>) => page(p).where('organization_id', '=', p('organizationId')).compile()),
    recordsOf: query((p: Param<Page & { type: PreferenceRef['type']; recipientId: EntityId }>) =>
      page(p)
        .where('recipient_type', '=', p('type'))
        .where('recipient_id', '=', p('recipientId'))
        .where('organization_id', '=', p('organizationId'))
        .compile(),
    ),
    doubts: pageBy(db, dialect, inbound, ['organization_id'], 'id', sql`open_at is not null`),
    message: rowsBy(db, dialect, inbound, 'id'),
    kept: rowsBy(db, dialect, inbound, 'account_id', 'message_id', 'organization_id'),
  }
}
