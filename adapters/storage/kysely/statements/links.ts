import { type Builder, type Param, query } from '../query.ts'

const table = 'notification_links'

export const linkStatements = (db: Builder) => ({
  get: query((p: Param<{ hash: string }>) => db.selectFrom(table).selectAll().where('hash', '=', p('hash')).compile()),
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
