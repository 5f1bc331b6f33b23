import type { z } from 'zod'
import { reminderOffset } from '../../schemas/offset.ts'
import { scheduleOptions } from '../../schemas/requests.ts'
import { template, templateSet } from '../../schemas/templates.ts'
import { explanationShape, skippedMessageShape, warningShape } from '../shapes/common.ts'
import { historyShape, notificationShape, sendShape } from '../shapes/notifications.ts'
import { cancelShape, dryRunShape, reminderShape, scheduleShape } from '../shapes/reminders.ts'
import { preferencesShapes, settingsShape, templatesShape } from '../shapes/settings.ts'

/** Schemas that clients should find under a fixed name. All others are named after their row, or inlined. */
export const namedSchemas: Readonly<Record<string, z.ZodType>> = {
  ReminderOffset: reminderOffset,
  Template: template,
  TemplateSet: templateSet,
  ScheduleOptions: scheduleOptions,
  Warning: warningShape,
  SkippedMessage: skippedMessageShape,
  ExplanationLine: explanationShape,
  Settings: settingsShape,
  Templates: templatesShape,
  PatientPreferences: preferencesShapes.patient,
  ClientPreferences: preferencesShapes.client,
  Reminder: reminderShape,
  ScheduleResult: scheduleShape,
  CancelResult: cancelShape,
  DryRun: dryRunShape,
  Notification: notificationShape,
  History: historyShape,
  SendResult: sendShape,
}
