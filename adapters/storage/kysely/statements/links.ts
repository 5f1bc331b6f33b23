import type { Dialect } from '../dialect.ts'
import { type Builder, type Param, query, rowsBy } from '../query.ts'

const table = 'notification_links'

export const linkStatements = (db: Builder, dialect: Dialect) => ({
  get: rowsBy(db, dialect, table, 'hash'),
  purge: query((p: Param<{ until: number; limit: number }>) =>
    db
      .deleteFrom(table)
      .where('hash', 'in', (e) =>
        e
          .selectFrom(table)
          .select('hash')
          .where('expires_at', '<=', p('until'))
          .orderBy('expires_at')
          .limit(p('limit')),
      )
      .compile(),
  ),
})
