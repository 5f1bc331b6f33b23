import { sql } from 'kysely'
import type { Channel } from '../../../../src/index.ts'
import type { Dialect } from '../dialect.ts'
import { type Builder, type Keys, type Param, query, type RecordOf } from '../query.ts'

const table = 'notification_addresses'

type Page = { organizationId: string; before: number; limit: number }

export const addressStatements = (db: Builder, dialect: Dialect) => {
  const page = (p: Param<Page>) =>
    db
      .selectFrom(table)
      .selectAll()
      .where('organization_id', '=', p('organizationId'))
      .where('suppressed_at', 'is not', null)
      .where('id', '<', p('before'))
      .orderBy('id', 'desc')
      .limit(p('limit'))
  return {
    find: query((p: Param<Keys>) =>
      sql<
        RecordOf<typeof table>
      >`select t.* from ${dialect.keyed(table, ['organization_id', 'channel', 'address'], p('keys'))}`.compile(db),
    ),
    everywhere: query((p: Param<{ channel: Channel; address: string }>) =>
      db
        .selectFrom(table)
        .selectAll()
        .where('address', '=', p('address'))
        .where('channel', '=', p('channel'))
        .compile(),
    ),
    suppressed: query((p: Param<Page>) => page(p).compile()),
    suppressedOn: query((p: Param<Page & { channel: Channel }>) =>
      page(p).where('channel', '=', p('channel')).compile(),
    ),
  }
}
