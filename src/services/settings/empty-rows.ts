import type { SettingsValues } from '../../ports/storage.ts'
import type { PreferencesValues } from '../../schemas/preferences.ts'

/** A row of which nothing is set: everything is the documented default. */
export const emptySettings: SettingsValues = {
  emailEnabled: null,
  smsEnabled: null,
  emailSmtpHost: null,
  emailSmtpPort: null,
  emailUsername: null,
  emailPassword: null,
  emailFromAddress: null,
  emailFromName: null,
  smsProvider: null,
  smsApiKey: null,
  smsApiSecret: null,
  smsFromNumber: null,
  defaultEmailReminders: null,
  defaultSmsReminders: null,
  emailTemplates: null,
  smsTemplates: null,
  unknownOutcome: null,
  pastReminders: null,
  practitionerNotifications: null,
  defaultCountry: null,
  emailSmtpSecurity: null,
}

/** A row of which nothing is set: everything is inherited. */
export const emptyPreferences: PreferencesValues = {
  emailEnabled: null,
  smsEnabled: null,
  emailReminders: null,
  smsReminders: null,
  appointmentConfirmation: null,
  appointmentReminder: null,
  appointmentCancellation: null,
  appointmentReschedule: null,
  waitlistNotification: null,
  emailAddress: null,
  phoneNumber: null,
}
