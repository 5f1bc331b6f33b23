import { type Bind, type Builder, type Mode, type Param, query } from '../query.ts'

const table = 'notification_links'

export const linkStatements = <M extends Mode>(db: Builder, bind: Bind<M>) => ({
  get: bind(
    query((p: Param<{ hash: string }>) => db.selectFrom(table).selectAll().where('hash', '=', p('hash')).compile()),
  ),
  purge: bind(
    query((p: Param<{ until: number; limit: number }>) =>
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
  ),
})
