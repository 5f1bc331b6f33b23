import { sql } from 'kysely'
import type { EntityId } from '../../../../src/index.ts'
import { asked, type Bind, type Builder, insertQuery, type Mode, type Param, query, updateQuery } from '../query.ts'

const settingsColumns = [
  'email_enabled',
  'sms_enabled',
  'email_smtp_host',
  'email_smtp_port',
  'email_username',
  'email_password',
  'email_from_address',
  'email_from_name',
  'sms_provider',
  'sms_api_key',
  'sms_api_secret',
  'sms_from_number',
  'default_email_reminders',
  'default_sms_reminders',
  'email_templates',
  'sms_templates',
  'unknown_outcome',
  'past_reminders',
  'practitioner_notifications',
  'default_country',
  'email_smtp_security',
  'revision',
  'updated_at',
] as const

const preferenceColumns = [
  'email_enabled',
  'sms_enabled',
  'email_reminders',
  'sms_reminders',
  'appointment_confirmation',
  'appointment_reminder',
  'appointment_cancellation',
  'appointment_reschedule',
  'waitlist_notification',
  'email_address',
  'phone_number',
  'revision',
  'updated_at',
] as const

/** Of concurrent creations one inserts; the others change nothing and are told so. */
const once = sql`on conflict do nothing`

export const settingsStatements = <M extends Mode>(db: Builder, bind: Bind<M>) => ({
  get: bind(
    query((p: Param<{ organizationId: string }>) =>
      db.selectFrom('notification_settings').selectAll().where('organization_id', '=', p('organizationId')).compile(),
    ),
  ),
  page: bind(
    query((p: Param<{ after: string; limit: number }>) =>
      db
        .selectFrom('notification_settings')
        .selectAll()
        .where('organization_id', '>', p('after'))
        .orderBy('organization_id')
        .limit(p('limit'))
        .compile(),
    ),
  ),
  revision: bind(
    query((p: Param<{ organizationId: string }>) =>
      db
        .selectFrom('notification_settings')
        .select('revision')
        .where('organization_id', '=', p('organizationId'))
        .compile(),
    ),
  ),
  insert: bind(
    insertQuery(db, 'notification_settings', ['organization_id', ...settingsColumns, 'created_at'] as const, once),
  ),
  update: bind(updateQuery(db, 'notification_settings', settingsColumns)),
})

const patients = 'patient_notification_preferences'
const clients = 'client_notification_preferences'

/** Patients and clients have a table each, as documented, that differ in the name of one column. */
export const preferenceStatements = <M extends Mode>(db: Builder, bind: Bind<M>) => ({
  PATIENT: {
    get: bind(
      query((p: Param<{ recipientIds: string }>) =>
        db
          .selectFrom(asked<EntityId>(p('recipientIds')))
          .crossJoin(patients)
          .selectAll(patients)
          .select(`${patients}.patient_id as recipient_id`)
          .whereRef(`${patients}.patient_id`, '=', 'asked.value')
          .compile(),
      ),
    ),
    revision: bind(
      query((p: Param<{ recipientId: EntityId }>) =>
        db.selectFrom(patients).select('revision').where('patient_id', '=', p('recipientId')).compile(),
      ),
    ),
    insert: bind(
      insertQuery(db, patients, ['patient_id', 'organization_id', ...preferenceColumns, 'created_at'] as const, once),
    ),
    update: bind(updateQuery(db, patients, preferenceColumns)),
    delete: bind(
      query((p: Param<{ recipientId: EntityId }>) =>
        db.deleteFrom(patients).where('patient_id', '=', p('recipientId')).compile(),
      ),
    ),
  },
  CLIENT: {
    get: bind(
      query((p: Param<{ recipientIds: string }>) =>
        db
          .selectFrom(asked<EntityId>(p('recipientIds')))
          .crossJoin(clients)
          .selectAll(clients)
          .select(`${clients}.client_id as recipient_id`)
          .whereRef(`${clients}.client_id`, '=', 'asked.value')
          .compile(),
      ),
    ),
    revision: bind(
      query((p: Param<{ recipientId: EntityId }>) =>
        db.selectFrom(clients).select('revision').where('client_id', '=', p('recipientId')).compile(),
      ),
    ),
    insert: bind(
      insertQuery(db, clients, ['client_id', 'organization_id', ...preferenceColumns, 'created_at'] as const, once),
    ),
    update: bind(updateQuery(db, clients, preferenceColumns)),
    delete: bind(
      query((p: Param<{ recipientId: EntityId }>) =>
        db.deleteFrom(clients).where('client_id', '=', p('recipientId')).compile(),
      ),
    ),
  },
})

export const decisionStatements = <M extends Mode>(db: Builder, bind: Bind<M>) => ({
  insert: bind(
    insertQuery(db, 'notification_decisions', [
      'organization_id',
      'appointment_id',
      'waitlist_entry_id',
      'at',
      'entries',
    ] as const),
  ),
  list: bind(
    query((p: Param<{ appointmentId: EntityId; organizationId: string }>) =>
      db
        .selectFrom('notification_decisions')
        .selectAll()
        .where('appointment_id', '=', p('appointmentId'))
        .where('organization_id', '=', p('organizationId'))
        .orderBy('id')
        .compile(),
    ),
  ),
})
