import type { OrganizationPolicy } from '../domain/effective.ts'
import type { PreferencesRow, SettingsRow } from '../ports/storage.ts'
import type { Preferences } from '../schemas/preferences.ts'
import { type OrganizationSettings, organizationDefaults, secretMask } from '../schemas/settings.ts'

/** The settings that decide about messages; an organization without a row has the documented defaults. */
export function policyOf(row: SettingsRow | null): OrganizationPolicy {
  return {
    emailEnabled: row?.emailEnabled ?? organizationDefaults.emailEnabled,
    smsEnabled: row?.smsEnabled ?? organizationDefaults.smsEnabled,
    defaultEmailReminders: row?.defaultEmailReminders ?? organizationDefaults.defaultEmailReminders,
    defaultSmsReminders: row?.defaultSmsReminders ?? organizationDefaults.defaultSmsReminders,
    emailTemplates: row?.emailTemplates ?? {},
    smsTemplates: row?.smsTemplates ?? {},
    unknownOutcome: row?.unknownOutcome ?? organizationDefaults.unknownOutcome,
    pastReminders: row?.pastReminders ?? organizationDefaults.pastReminders,
    practitionerNotifications: row?.practitionerNotifications ?? organizationDefaults.practitionerNotifications,
    defaultCountry: row?.defaultCountry ?? null,
  }
}

const mask = (secret: string | null): string | null => (secret === null ? null : secretMask)

/** What may be shown of a settings row: defaults filled in, secrets only as set or not. */
export function showSettings(row: SettingsRow): OrganizationSettings {
  return {
    id: row.id,
    organizationId: row.organizationId,
    ...policyOf(row),
    emailSmtpHost: row.emailSmtpHost,
    emailSmtpPort: row.emailSmtpPort ?? organizationDefaults.emailSmtpPort,
    emailSmtpSecurity: row.emailSmtpSecurity,
    emailUsername: row.emailUsername,
    emailPassword: mask(row.emailPassword),
    emailFromAddress: row.emailFromAddress,
    emailFromName: row.emailFromName,
    smsProvider: row.smsProvider,
    smsApiKey: mask(row.smsApiKey),
    smsApiSecret: mask(row.smsApiSecret),
    smsFromNumber: row.smsFromNumber,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  }
}

export function showPreferences(row: PreferencesRow): Preferences {
  const { revision: _revision, ...shown } = row
  return shown
}
