import type { AuditAction, AuditChange } from '../schemas/audit.ts'
import { preferencesInput } from '../schemas/preferences.ts'
import { organizationSettingsInput } from '../schemas/settings.ts'

/** Fields whose values an audit row may hold. Every other is named only: it is a secret, a contact or a text. */
const told: ReadonlySet<string> = new Set([
  ...['emailEnabled', 'smsEnabled', 'emailReminders', 'smsReminders', 'defaultEmailReminders', 'defaultSmsReminders'],
  ...['appointmentConfirmation', 'appointmentReminder', 'appointmentCancellation', 'appointmentReschedule'],
  ...['waitlistNotification', 'unknownOutcome', 'pastReminders', 'practitionerNotifications', 'defaultCountry'],
  'emailSmtpSecurity',
])

const templateFields: ReadonlySet<string> = new Set(['emailTemplates', 'smsTemplates'])

type Fields<Field extends string> = { readonly [Name in Field]?: unknown }
export type Change = { readonly action: AuditAction; readonly changes: readonly AuditChange[] }

/** What the audit log tells of settings that became `after`; `before` is null where there were none. */
export function settingsChange(
  before: Fields<keyof typeof organizationSettingsInput.shape> | null,
  after: Fields<keyof typeof organizationSettingsInput.shape>,
): Change {
  const changes = changesBetween(organizationSettingsInput.keyof().options, before, after)
  if (before === null) return { action: 'settings.created', changes }
  const onlyTemplates = changes.length > 0 && changes.every(({ field }) => templateFields.has(field))
  return { action: onlyTemplates ? 'templates.updated' : 'settings.updated', changes }
}

/** The same of the preferences, which are the recipient's consent. */
export function preferencesChange(
  before: Fields<keyof typeof preferencesInput.shape> | null,
  after: Fields<keyof typeof preferencesInput.shape>,
): Change {
  const changes = changesBetween(preferencesInput.keyof().options, before, after)
  return { action: before === null ? 'preferences.created' : 'preferences.updated', changes }
}

function changesBetween<Field extends string>(
  fields: readonly Field[],
  before: Fields<Field> | null,
  after: Fields<Field>,
): AuditChange[] {
  return fields.flatMap((field) => {
    const from = before?.[field] ?? null
    const to = after[field] ?? null
    if (JSON.stringify(from) === JSON.stringify(to)) return []
    return told.has(field) ? { field, from, to } : { field }
  })
}
