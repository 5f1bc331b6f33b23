import { flag, isSet, json } from '../../ports/rows/ids.ts'
import type { Row } from '../../ports/rows/tables/tables.ts'
import type { PreferencesRow } from '../../ports/storage/preferences.ts'
import type { SettingsRow, SettingsValues } from '../../ports/storage/settings.ts'
import type { OffsetInput } from '../../schemas/offset.ts'
import type { PreferenceRef, PreferencesValues } from '../../schemas/preferences.ts'
import type { TemplateSet } from '../../schemas/templates.ts'
import type { Category } from '../../schemas/vocabulary.ts'

const offsets = (text: string | null): readonly OffsetInput[] | null => (text === null ? null : JSON.parse(text))
const templates = (text: string | null): TemplateSet | null => (text === null ? null : JSON.parse(text))
const categories = (text: string | null): readonly Category[] | null => (text === null ? null : JSON.parse(text))

export const decodeSettings = (row: Row<'notification_settings'>): SettingsRow => ({
  id: row.id,
  organizationId: row.organization_id,
  emailEnabled: isSet(row.email_enabled),
  smsEnabled: isSet(row.sms_enabled),
  emailSmtpHost: row.email_smtp_host,
  emailSmtpPort: row.email_smtp_port,
  emailUsername: row.email_username,
  emailPassword: row.email_password,
  emailFromAddress: row.email_from_address,
  emailFromName: row.email_from_name,
  smsProvider: row.sms_provider,
  smsApiKey: row.sms_api_key,
  smsApiSecret: row.sms_api_secret,
  smsFromNumber: row.sms_from_number,
  defaultEmailReminders: offsets(row.default_email_reminders),
  defaultSmsReminders: offsets(row.default_sms_reminders),
  emailTemplates: templates(row.email_templates),
  smsTemplates: templates(row.sms_templates),
  unknownOutcome: row.unknown_outcome,
  pastReminders: row.past_reminders,
  practitionerNotifications: categories(row.practitioner_notifications),
  defaultCountry: row.default_country,
  emailSmtpSecurity: row.email_smtp_security,
  revision: row.revision,
  createdAt: new Date(row.created_at),
  updatedAt: new Date(row.updated_at),
})

export const encodeSettings = (values: SettingsValues, revision: number, at: Date) => ({
  email_enabled: flag(values.emailEnabled),
  sms_enabled: flag(values.smsEnabled),
  email_smtp_host: values.emailSmtpHost,
  email_smtp_port: values.emailSmtpPort,
  email_username: values.emailUsername,
  email_password: values.emailPassword,
  email_from_address: values.emailFromAddress,
  email_from_name: values.emailFromName,
  sms_provider: values.smsProvider,
  sms_api_key: values.smsApiKey,
  sms_api_secret: values.smsApiSecret,
  sms_from_number: values.smsFromNumber,
  default_email_reminders: json(values.defaultEmailReminders),
  default_sms_reminders: json(values.defaultSmsReminders),
  email_templates: json(values.emailTemplates),
  sms_templates: json(values.smsTemplates),
  unknown_outcome: values.unknownOutcome,
  past_reminders: values.pastReminders,
  practitioner_notifications: json(values.practitionerNotifications),
  default_country: values.defaultCountry,
  email_smtp_security: values.emailSmtpSecurity,
  revision,
  updated_at: at.getTime(),
})

type PreferencesRecord = Omit<Row<'patient_notification_preferences'>, 'patient_id'>

export const decodePreferences = (recipient: PreferenceRef, row: PreferencesRecord): PreferencesRow => ({
  id: row.id,
  organizationId: row.organization_id,
  recipient,
  emailEnabled: isSet(row.email_enabled),
  smsEnabled: isSet(row.sms_enabled),
  emailReminders: offsets(row.email_reminders),
  smsReminders: offsets(row.sms_reminders),
  appointmentConfirmation: isSet(row.appointment_confirmation),
  appointmentReminder: isSet(row.appointment_reminder),
  appointmentCancellation: isSet(row.appointment_cancellation),
  appointmentReschedule: isSet(row.appointment_reschedule),
  waitlistNotification: isSet(row.waitlist_notification),
  emailAddress: row.email_address,
  phoneNumber: row.phone_number,
  revision: row.revision,
  createdAt: new Date(row.created_at),
  updatedAt: new Date(row.updated_at),
})

export const encodePreferences = (values: PreferencesValues, revision: number, at: Date) => ({
  email_enabled: flag(values.emailEnabled),
  sms_enabled: flag(values.smsEnabled),
  email_reminders: json(values.emailReminders),
  sms_reminders: json(values.smsReminders),
  appointment_confirmation: flag(values.appointmentConfirmation),
  appointment_reminder: flag(values.appointmentReminder),
  appointment_cancellation: flag(values.appointmentCancellation),
  appointment_reschedule: flag(values.appointmentReschedule),
  waitlist_notification: flag(values.waitlistNotification),
  email_address: values.emailAddress,
  phone_number: values.phoneNumber,
  revision,
  updated_at: at.getTime(),
})

/** The columns a patch names; a key that is there but undefined names nothing. */
export function patched<T extends object>(before: T, patch: Partial<T>): T {
  return { ...before, ...Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) }
}
