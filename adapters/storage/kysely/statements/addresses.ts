import { sql } from 'kysely'
import type { Channel } from '../../../../src/index.ts'
import { asked, type Builder, type Param, query } from '../query.ts'

const table = 'notification_addresses'

type Page = { organizationId: string; before: number; limit: number }

export const addressStatements = (db: Builder) => {
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
    /** `list` holds `[organization, channel, address]` each. */
    find: query((p: Param<{ list: string }>) =>
      db
        .selectFrom(asked<string>(p('list')))
        .crossJoin(table)
        .selectAll(table)
        .where(`${table}.organization_id`, '=', sql<string>`asked.value ->> 0`)
        .where(`${table}.channel`, '=', sql<Channel>`asked.value ->> 1`)
        .where(`${table}.address`, '=', sql<string>`asked.value ->> 2`)
        .compile(),
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
