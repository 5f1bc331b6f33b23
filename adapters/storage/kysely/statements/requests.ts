import { type Builder, insertQuery, type Param, query } from '../query.ts'

const table = 'notification_requests'
type Key = { caller: string; key: string }

export const requestStatements = (db: Builder) => ({
  get: query((p: Param<Key>) =>
    db.selectFrom(table).selectAll().where('caller', '=', p('caller')).where('key', '=', p('key')).compile(),
  ),
  insert: insertQuery(db, table, [
    'caller',
    'key',
    'fingerprint',
    'token',
    'answer',
    'lease_until',
    'expires_at',
  ] as const),
  delete: query((p: Param<Key>) =>
    db.deleteFrom(table).where('caller', '=', p('caller')).where('key', '=', p('key')).compile(),
  ),
  answer: query((p: Param<Key & { token: number; answer: string }>) =>
    db
      .updateTable(table)
      .set({ answer: p('answer') })
      .where('caller', '=', p('caller'))
      .where('key', '=', p('key'))
      .where('token', '=', p('token'))
      .where('answer', 'is', null)
      .compile(),
  ),
  release: query((p: Param<Key & { token: number; lease_until: number }>) =>
    db
      .updateTable(table)
      .set({ lease_until: p('lease_until') })
      .where('caller', '=', p('caller'))
      .where('key', '=', p('key'))
      .where('token', '=', p('token'))
      .where('answer', 'is', null)
      .compile(),
  ),
  purge: query((p: Param<{ now: number; limit: number }>) =>
    db
      .deleteFrom(table)
      .where((e) =>
        e(
          e.refTuple('caller', 'key'),
          'in',
          e
            .selectFrom(table)
            .select(['caller', 'key'])
            .where('expires_at', '<=', p('now'))
            .orderBy('expires_at')
            .limit(p('limit'))
            .$asTuple('caller', 'key'),
        ),
      )
      .compile(),
  ),
})
