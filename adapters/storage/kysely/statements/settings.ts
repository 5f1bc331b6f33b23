import { sql } from 'kysely'
import type { EntityId } from '../../../../src/index.ts'
import type { Dialect } from '../dialect.ts'
import { type Builder, type Listed, type Param, pageBy, query, type RecordOf, rowsBy, valuedQuery } from '../query.ts'

export const settingsStatements = (db: Builder, dialect: Dialect) => ({
  find: valuedQuery(db, dialect, 'notification_settings', 'organization_id'),
  page: pageBy(db, dialect, 'notification_settings', [], 'organization_id'),
  byAccountKey: rowsBy(db, dialect, 'notification_settings', 'account_key'),
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
