import { sql } from 'kysely'
import type { EntityId } from '../../../../src/index.ts'
import type { Dialect } from '../dialect.ts'
import { type Builder, type Listed, type Param, query, type RecordOf, valuedQuery } from '../query.ts'

export const settingsStatements = (db: Builder, dialect: Dialect) => ({
  find: valuedQuery(db, dialect, 'notification_settings', 'organization_id'),
  page: query((p: Param<{ after: string; limit: number }>) =>
    db
      .selectFrom('notification_settings')
      .selectAll()
      .where('organization_id', '>', p('after'))
      .orderBy('organization_id')
      .limit(p('limit'))
      .compile(),
  ),
  byAccountKey: query((p: Param<{ accountKey: string }>) =>
    db.selectFrom('notification_settings').selectAll().where('account_key', '=', p('accountKey')).compile(),
  ),
})

/** Patients and clients have a table each, as documented, that differ in the name of one column. */
export const preferenceStatements = (db: Builder, dialect: Dialect) => {
  const of = (table: 'patient_notification_preferences' | 'client_notification_preferences', column: string) =>
    query((p: Param<Listed>) => {
      const { from, where } = dialect.valued(table, column, p('list'))
      const id = sql.ref(`t.${column}`)
      return sql<RecordOf<typeof table> & { recipient_id: EntityId }>`
        select t.*, ${id} as recipient_id from ${from} where ${where}`.compile(db)
    })
  return {
    PATIENT: of('patient_notification_preferences', 'patient_id'),
    CLIENT: of('client_notification_preferences', 'client_id'),
  }
}

export const decisionStatements = (db: Builder) => ({
  list: query((p: Param<{ appointmentId: EntityId; organizationId: string }>) =>
    db
      .selectFrom('notification_decisions')
      .selectAll()
      .where('appointment_id', '=', p('appointmentId'))
      .where('organization_id', '=', p('organizationId'))
      .orderBy('id')
      .compile(),
  ),
})
