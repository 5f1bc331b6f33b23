import type { EmailSecurity, PastReminderPolicy, UnknownOutcomePolicy } from '../../../schemas/vocabulary.ts'
import { optional, required, type Table, times, word } from './columns.ts'

const preferenceColumns = {
  email_enabled: optional('flag'),
  sms_enabled: optional('flag'),
  email_reminders: optional('json'),
  sms_reminders: optional('json'),
  appointment_confirmation: optional('flag'),
  appointment_reminder: optional('flag'),
  appointment_cancellation: optional('flag'),
  appointment_reschedule: optional('flag'),
  waitlist_notification: optional('flag'),
  email_address: optional('text'),
  phone_number: optional('text'),
  ...times,
  organization_id: required('text'),
  revision: required('int'),
} as const

export const settingTables = {
  notification_settings: {
    columns: {
      id: required('serial'),
      organization_id: required('text'),
      email_enabled: { kind: 'flag', defaultTo: 1 },
      sms_enabled: { kind: 'flag', defaultTo: 1 },
      email_smtp_host: optional('text'),
      email_smtp_port: { kind: 'int', defaultTo: 587 },
      email_username: optional('text'),
      email_password: optional('text'),
      email_from_address: optional('text'),
      email_from_name: optional('text'),
      sms_provider: optional('text'),
      sms_api_key: optional('text'),
      sms_api_secret: optional('text'),
      sms_from_number: optional('text'),
      default_email_reminders: { kind: 'json', defaultTo: '[24, 2]' },
      default_sms_reminders: { kind: 'json', defaultTo: '[24, 2]' },
      email_templates: optional('json'),
      sms_templates: optional('json'),
      ...times,
      unknown_outcome: word<UnknownOutcomePolicy>(),
      past_reminders: word<PastReminderPolicy>(),
      practitioner_notifications: optional('json'),
      default_country: optional('text'),
      email_smtp_security: word<EmailSecurity>(),
      revision: required('int'),
    },
    indexes: [{ name: 'notification_settings_organization', columns: ['organization_id'], unique: true }],
  },
  patient_notification_preferences: {
    columns: { id: required('serial'), patient_id: required('recipient'), ...preferenceColumns },
    indexes: [{ name: 'patient_notification_preferences_patient', columns: ['patient_id'], unique: true }],
  },
  client_notification_preferences: {
    columns: { id: required('serial'), client_id: required('recipient'), ...preferenceColumns },
    indexes: [{ name: 'client_notification_preferences_client', columns: ['client_id'], unique: true }],
  },
} as const satisfies Record<string, Table>
