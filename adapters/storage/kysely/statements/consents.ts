import type { EntityId, PreferenceRef } from '../../../../src/index.ts'
import { type Builder, type Param, query } from '../query.ts'

type Page = { organizationId: string; before: number; limit: number }
type Message = { accountId: string; messageId: string; organizationId: string }

export const consentStatements = (db: Builder) => {
  const page = (p: Param<Page>) =>
    db
      .selectFrom('notification_consents')
      .selectAll()
      .where('id', '<', p('before'))
      .orderBy('id', 'desc')
      .limit(p('limit'))
  const message = () => db.selectFrom('notification_inbound').selectAll()
  return {
    records: query((p: Param<Page>) => page(p).where('organization_id', '=', p('organizationId')).compile()),
    recordsOf: query((p: Param<Page & { type: PreferenceRef['type']; recipientId: EntityId }>) =>
      page(p)
        .where('recipient_type', '=', p('type'))
        .where('recipient_id', '=', p('recipientId'))
        .where('organization_id', '=', p('organizationId'))
        .compile(),
    ),
    doubts: query((p: Param<{ organizationId: string; after: number; limit: number }>) =>
      message()
        .where('organization_id', '=', p('organizationId'))
        .where('open_at', 'is not', null)
        .where('id', '>', p('after'))
        .orderBy('id')
        .limit(p('limit'))
        .compile(),
    ),
    message: query((p: Param<{ id: number }>) => message().where('id', '=', p('id')).compile()),
    kept: query((p: Param<Message>) =>
      message()
        .where('account_id', '=', p('accountId'))
        .where('message_id', '=', p('messageId'))
        .where('organization_id', '=', p('organizationId'))
        .compile(),
    ),
  }
}
