import type { Dialect } from '../dialect.ts'
import { type Builder, type Param, query, rowsBy } from '../query.ts'

const table = 'notification_requests'
type Key = { caller: string; key: string }
type Claimed = Key & {
  fingerprint: string
  token: number
  lease_until: number
  expires_at: number
  now: number
  latest: number
}

export const requestStatements = (db: Builder, dialect: Dialect) => ({
  get: rowsBy(db, dialect, table, 'caller', 'key'),
  /**
   * One statement decides: of concurrent callers the others find its row taken. The token is greater than any before it, also of a row
   * that was released: who was taken for dead must not answer for others.
   */
  claim: query((p: Param<Claimed>) =>
    db
      .insertInto(table)
      .values({
        caller: p('caller'),
        key: p('key'),
        fingerprint: p('fingerprint'),
        token: p('token'),
        answer: null,
        lease_until: p('lease_until'),
        expires_at: p('expires_at'),
      })
      .onConflict((conflict) =>
        conflict
          .columns(['caller', 'key'])
          .doUpdateSet((e) => {
            const isLater = e('notification_requests.token', '>=', e.ref('excluded.token'))
            const isOver = e('notification_requests.expires_at', '<=', p('now'))
            return {
              fingerprint: e.ref('excluded.fingerprint'),
              answer: null,
              token: e
                .case()
                .when(isLater)
                .then(e('notification_requests.token', '+', 1))
                .else(e.ref('excluded.token'))
                .end(),
              lease_until: e.ref('excluded.lease_until'),
              expires_at: e
                .case()
                .when(isOver)
                .then(e.ref('excluded.expires_at'))
                .else(e.ref('notification_requests.expires_at'))
                .end(),
            }
          })
          .where((e) =>
            e.or([
              e('notification_requests.expires_at', '<=', p('now')),
              e.and([
                e('notification_requests.fingerprint', '=', e.ref('excluded.fingerprint')),
                e('notification_requests.answer', 'is', null),
                e.or([
                  e('notification_requests.lease_until', '<=', p('now')),
                  e('notification_requests.lease_until', '>', p('latest')),
                ]),
              ]),
            ]),
          ),
      )
      .returning(['token', 'expires_at'])
      .compile(),
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
