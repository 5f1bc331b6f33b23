import { type RawBuilder, sql } from 'kysely'
import type { EntityId, RecipientType } from '../../../../src/index.ts'
import * as records from '../../../../src/records/index.ts'
import type { Dialect } from '../dialect.ts'
import { type Builder, type Param, query, rowsBy, valuedQuery } from '../query.ts'

/** Rows after the cursor, and up to `lastId`. */
type PageArgs = Cursor & { lastId: number; now: number; limit: number }
type Cursor = { cursor: number }
type OfOrganization = { organizationId: string }
/** Ids of rows may be of 32 bits; the end of all of them is not. */
const wide = (id: RawBuilder<number>) => sql<number>`cast(${id} as bigint)`

type Recipient = { recipientType: RecipientType; recipientId: EntityId }

/** The last row that a page looks at; none where there are fewer rows. */
const last = (db: Builder, p: Param<Cursor>) =>
  db
    .selectFrom('reminder_plans')
    .select('id')
    .where('id', '>', p('cursor'))
    .orderBy('id')
    .limit(1)
    .offset(records.plansAtOnce - 1)

const page = (db: Builder, p: Param<PageArgs>) =>
  db
    .selectFrom('reminder_plans')
    .selectAll()
    .where('id', '>', p('cursor'))
    .where('id', '<=', wide(p('lastId')))
    .where('starts_at', '>', p('now'))
    .where('status', '=', 'active')
    .orderBy('id')
    .limit(p('limit'))

export const planStatements = (db: Builder, dialect: Dialect) => ({
  get: rowsBy(db, dialect, 'reminder_plans', 'appointment_id', 'organization_id'),
  ofAppointments: valuedQuery(db, dialect, 'reminder_plans', 'appointment_id'),
  ahead: query((p: Param<{ organizationId: string; starts_at: number; id: number; until: number; limit: number }>) =>
    db
      .selectFrom('reminder_plans')
      .selectAll()
      .where('organization_id', '=', p('organizationId'))
      // The word stands in the statement, as in the index that serves it.
      .where('status', '=', sql.lit('active'))
      .where('starts_at', '<=', p('until'))
      .where(sql<boolean>`(starts_at, id) > (${p('starts_at')}, ${p('id')})`)
      .orderBy('starts_at')
      .orderBy('id')
      .limit(p('limit'))
      .compile(),
  ),
  lastOfUpcoming: query((p: Param<Cursor>) => last(db, p).compile()),
  pageOfUpcoming: query((p: Param<PageArgs>) => page(db, p).compile()),
  lastOfOrganization: query((p: Param<OfOrganization & Cursor>) =>
    last(db, p).where('organization_id', '=', p('organizationId')).compile(),
  ),
  pageOfOrganization: query((p: Param<OfOrganization & PageArgs>) =>
    page(db, p).where('organization_id', '=', p('organizationId')).compile(),
  ),
  lastOfRecipient: query((p: Param<Recipient & Cursor>) =>
    db
      .selectFrom('reminder_plan_recipients')
      .select('plan_id as id')
      .where('recipient_type', '=', p('recipientType'))
      .where('recipient_id', '=', p('recipientId'))
      .where('plan_id', '>', p('cursor'))
      .orderBy('plan_id')
      .limit(1)
      .offset(records.plansAtOnce - 1)
      .compile(),
  ),
  pageOfRecipient: query((p: Param<OfOrganization & PageArgs & Recipient>) =>
    db
      .selectFrom('reminder_plan_recipients as link')
      .innerJoin('reminder_plans as plan', 'plan.id', 'link.plan_id')
      .selectAll('plan')
      .where('link.recipient_type', '=', p('recipientType'))
      .where('link.recipient_id', '=', p('recipientId'))
      .where('link.plan_id', '>', p('cursor'))
      .where('link.plan_id', '<=', wide(p('lastId')))
      .where('plan.organization_id', '=', p('organizationId'))
      .where('plan.starts_at', '>', p('now'))
      .where('plan.status', '=', 'active')
      .orderBy('link.plan_id')
      .limit(p('limit'))
      .compile(),
  ),
  oldestJob: query(() => db.selectFrom('replan_jobs').selectAll().orderBy('id').limit(1).compile()),
  /** Forward only: a slower worker's page does not move the job back. */
  advanceJob: query((p: Param<{ id: number; cursor: number }>) =>
    db
      .updateTable('replan_jobs')
      .set({ cursor: p('cursor') })
      .where('id', '=', p('id'))
      .where('cursor', '<', p('cursor'))
      .compile(),
  ),
  endJob: query((p: Param<{ id: number }>) => db.deleteFrom('replan_jobs').where('id', '=', p('id')).compile()),
})
