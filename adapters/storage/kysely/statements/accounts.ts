import type { Channel } from '../../../../src/index.ts'
import type { Dialect } from '../dialect.ts'
import { type Builder, type NoArgs, type Param, query, rowsBy } from '../query.ts'

const accounts = 'notification_accounts'
const waiting = 'notification_waiting'

type Refused = {
  account: string
  organization_id: string | null
  channel: Channel
  provider: string
  code: string
  paused_since: number
  probe_at: number
}
type Page = { account: string; limit: number; offset: number }

const entries = (db: Builder, p: Param<Page>) =>
  db
    .selectFrom(waiting)
    .selectAll()
    .where('account', '=', p('account'))
    .orderBy('due_at')
    .orderBy('work')
    .orderBy('work_id')
    .limit(p('limit'))
    .offset(p('offset'))

export const accountStatements = (db: Builder, dialect: Dialect) => ({
  paused: query((_: Param<NoArgs>) => db.selectFrom(accounts).selectAll().orderBy('account').compile()),
  get: rowsBy(db, dialect, accounts, 'account'),
  /** Changes nothing where another refusal was written since the attempt began. */
  refuse: query((p: Param<Refused & { seen: number }>) =>
    db
      .insertInto(accounts)
      .values({
        account: p('account'),
        organization_id: p('organization_id'),
        channel: p('channel'),
        provider: p('provider'),
        code: p('code'),
        paused_since: p('paused_since'),
        refusals: 1,
        probe_at: p('probe_at'),
      })
      .onConflict((conflict) =>
        conflict
          .column('account')
          .doUpdateSet((e) => ({
            code: p('code'),
            refusals: e('notification_accounts.refusals', '+', 1),
            probe_at: p('probe_at'),
          }))
          .where('notification_accounts.refusals', '=', p('seen')),
      )
      .compile(),
  ),
  takeProbe: query((p: Param<{ account: string; probe_at: number; until: number }>) =>
    db
      .updateTable(accounts)
      .set({ probe_at: p('until') })
      .where('account', '=', p('account'))
      .where('probe_at', '=', p('probe_at'))
      .compile(),
  ),
  recover: query((p: Param<{ account: string }>) =>
    db.deleteFrom(accounts).where('account', '=', p('account')).compile(),
  ),
  /** The first entry of the next account: one step in the key for each, however many wait. */
  nextAwaited: query((p: Param<{ account: string }>) =>
    db
      .selectFrom(waiting)
      .select(['account', 'organization_id'])
      .where('account', '>', p('account'))
      .orderBy('account')
      .orderBy('due_at')
      .limit(1)
      .compile(),
  ),
  waiting: query((p: Param<Page>) => entries(db, p).compile()),
  waitingOf: query((p: Param<Page & { organizationId: string }>) =>
    entries(db, p).where('organization_id', '=', p('organizationId')).compile(),
  ),
  previous: query((p: Param<{ accountId: string }>) =>
    db
      .selectFrom('notification_previous_accounts')
      .selectAll()
      .where('account_id', '=', p('accountId'))
      .orderBy('id', 'desc')
      .compile(),
  ),
  erasePrevious: query((p: Param<{ now: number }>) =>
    db.deleteFrom('notification_previous_accounts').where('expires_at', '<=', p('now')).compile(),
  ),
})
