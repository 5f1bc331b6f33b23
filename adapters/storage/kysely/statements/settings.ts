import type { EntityId } from '../../../../src/index.ts'
import { asked, type Builder, type Param, query } from '../query.ts'

export const settingsStatements = (db: Builder) => ({
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

const patients = 'patient_notification_preferences'
const clients = 'client_notification_preferences'

/** Patients and clients have a table each, as documented, that differ in the name of one column. */
export const preferenceStatements = (db: Builder) => ({
  PATIENT: query((p: Param<{ recipientIds: string }>) =>
    db
      .selectFrom(asked<EntityId>(p('recipientIds')))
      .crossJoin(patients)
      .selectAll(patients)
      .select(`${patients}.patient_id as recipient_id`)
      .whereRef(`${patients}.patient_id`, '=', 'asked.value')
      .compile(),
  ),
  CLIENT: query((p: Param<{ recipientIds: string }>) =>
    db
      .selectFrom(asked<EntityId>(p('recipientIds')))
      .crossJoin(clients)
      .selectAll(clients)
      .select(`${clients}.client_id as recipient_id`)
      .whereRef(`${clients}.client_id`, '=', 'asked.value')
      .compile(),
  ),
})

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
