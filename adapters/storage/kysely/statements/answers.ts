import { sql } from 'kysely'
import type { Channel } from '../../../../src/index.ts'
import * as records from '../../../../src/records/index.ts'
import type { Dialect } from '../dialect.ts'
import { type Builder, type Listed, type Param, query, type RecordOf } from '../query.ts'

const table = 'notification_answers'
const history = 'notification_history'

type Page = { before: number; limit: number }

export const answerStatements = (db: Builder, dialect: Dialect) => {
  const page = (p: Param<Page>) =>
    db.selectFrom(table).selectAll().where('id', '<', p('before')).orderBy('id', 'desc').limit(p('limit'))
  /** What waits for nothing but its time: of one appointment, the first. */
  const first = () =>
    db
      .selectFrom(`${table} as due`)
      .where('due.due_at', 'is not', null)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom(`${table} as before`)
              .select('before.id')
              .whereRef('before.appointment_id', '=', 'due.appointment_id')
              .whereRef('before.organization_id', '=', 'due.organization_id')
              .where('before.due_at', 'is not', null)
              .whereRef('before.id', '<', 'due.id'),
          ),
        ),
      )
  return {
    asking: query((p: Param<Listed & { channel: Channel; ask_until: number }>) => {
      const { from, where } = dialect.valued(history, 'recipient_address', p('list'))
      return sql<Pick<RecordOf<typeof history>, (typeof records.askedColumns)[number]>>`
        select ${sql.join(records.askedColumns.map((column) => sql.ref(`t.${column}`)))} from ${from}
        where ${where} and t.ask_until > ${p('ask_until')} and t.notification_type = ${p('channel')}
          and t.delivery_state <> 'cancelled'`.compile(db)
    }),
    due: query((p: Param<{ now: number; limit: number }>) =>
      first()
        .selectAll('due')
        .where('due.due_at', '<=', p('now'))
        .orderBy('due.due_at')
        .orderBy('due.id')
        .limit(p('limit'))
        .compile(),
    ),
    nextDueAt: query(() => first().select('due.due_at').orderBy('due.due_at').limit(1).compile()),
    failing: query((p: Param<{ limit: number }>) =>
      db
        .selectFrom(table)
        .selectAll()
        .where('due_at', 'is not', null)
        .where('last_error', 'is not', null)
        .orderBy('id')
        .limit(p('limit'))
        .compile(),
    ),
    all: query((p: Param<Page>) => page(p).compile()),
    open: query((p: Param<Page>) => page(p).where('handled_at', 'is', null).compile()),
    ofOrganization: query((p: Param<Page & { organizationId: string }>) =>
      page(p).where('organization_id', '=', p('organizationId')).compile(),
    ),
    openOfOrganization: query((p: Param<Page & { organizationId: string }>) =>
      page(p).where('organization_id', '=', p('organizationId')).where('handled_at', 'is', null).compile(),
    ),
  }
}
