import { NotificationError } from '../../errors.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { PreferenceRef } from '../../schemas/preferences.ts'

// Errors for objects that do not exist. Objects of other organizations get the same ones.

export const appointmentNotFound = (id: EntityId): NotificationError =>
  new NotificationError('appointment_not_found', `Your directory returned no appointment ${id}.`, {
    field: 'appointmentId',
  })

export const waitlistEntryNotFound = (id: EntityId): NotificationError =>
  new NotificationError('waitlist_entry_not_found', `Your directory returned no waitlist entry ${id}.`, {
    field: 'waitlistEntryId',
  })

export const notificationNotFound = (id: number): NotificationError =>
  new NotificationError('notification_not_found', `There is no notification ${id}.`, { field: 'notificationId' })

export const reminderNotFound = (id: number): NotificationError =>
  new NotificationError('reminder_not_found', `There is no reminder ${id}.`, { field: 'reminderId' })

export const organizationNotFound = (id: string): NotificationError =>
  new NotificationError('organization_not_found', `Your directory returned no organization ${id}.`, {
    field: 'organizationId',
  })

export const settingsNotFound = (id: string): NotificationError =>
  new NotificationError('settings_not_found', `Organization ${id} has no notification settings; create them first.`, {
    field: 'organizationId',
  })

export const templateVersionNotFound = (version: number): NotificationError =>
  new NotificationError('template_version_not_found', `There is no version ${version} of the templates.`, {
    field: 'version',
  })

export const nameOf = (ref: PreferenceRef): string => `${ref.type === 'PATIENT' ? 'Patient' : 'Client'} ${ref.id}`

export const recipientNotFound = (ref: PreferenceRef): NotificationError =>
  new NotificationError('recipient_not_found', `Your directory returned no ${nameOf(ref).toLowerCase()}.`, {
    field: 'recipient',
  })

export const preferencesNotFound = (ref: PreferenceRef): NotificationError =>
  new NotificationError('preferences_not_found', `${nameOf(ref)} has no notification preferences; create them first.`, {
    field: 'recipient',
  })
