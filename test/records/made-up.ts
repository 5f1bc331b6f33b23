import type { IdKinds } from '../../src/index.ts'
import { unassigned } from '../../src/ports/rows/rows.ts'
import { untouched } from '../../src/records/codecs/deliveries.ts'
import type * as records from '../../src/records/index.ts'
import { t0 } from '../conformance/storage/harness.ts'

type Row<T extends records.TableName> = records.Row<T>

export const organization = "o'rganization"
const at = t0.getTime()
const times = { created_at: at, updated_at: at + 1 }

/** Ids of a host, of either kind. */
export const someIds =
  ({ appointment }: IdKinds) =>
  (number: number): number | string =>
    appointment === 'integer' ? number : `id "${number}"`

export const aReminder = (given: Partial<Row<'appointment_reminders'>> = {}): Row<'appointment_reminders'> => ({
  id: unassigned,
  appointment_id: 7,
  reminder_type: 'EMAIL',
  reminder_time: at - 3_600_000,
  hours_before_appointment: 24,
  subject: null,
  message: null,
  status: 'PENDING',
  sent_at: null,
  error_message: null,
  task_manager_task_id: null,
  task_manager_execution_id: null,
  ...times,
  organization_id: organization,
  recipient_type: 'PATIENT',
  recipient_id: 1,
  offset: '24h',
  starts_at: at + 86_400_000,
  due_at: at - 3_600_000,
  reason: null,
  notification_id: null,
  held_at: null,
  live: 1,
  ...given,
})

export const aDelivery = (given: Partial<Row<'notification_history'>> = {}): Row<'notification_history'> => ({
  id: unassigned,
  notification_type: 'EMAIL',
  notification_category: 'CONFIRMATION',
  recipient_type: 'PATIENT',
  recipient_id: 1,
  recipient_email: 'somebody@example.org',
  recipient_phone: null,
  recipient_address: 'somebody@example.org',
  subject: null,
  message: 'text',
  template_revision: '1',
  status: null,
  error_code: null,
  error_message: null,
  appointment_id: 7,
  waitlist_entry_id: null,
  ...times,
  organization_id: organization,
  delivery_state: 'queued',
  due_at: at,
  fence: 0,
  attempts: 0,
  unknown_outcomes: 0,
  reminder_id: null,
  provider: null,
  idempotency_key: 'key',
  dedupe_key: null,
  snapshot: null,
  ...untouched,
  ...given,
})

export const aPlan = (given: Partial<Row<'reminder_plans'>> = {}): Row<'reminder_plans'> => ({
  id: unassigned,
  organization_id: organization,
  appointment_id: 7,
  starts_at: at + 86_400_000,
  local_start: '2031-03-11T13:00',
  time_zone: 'Europe/Vienna',
  custom_reminders: null,
  status: 'active',
  cancel_reason: null,
  recipients: '[{"type":"PATIENT","id":1}]',
  tz_version: null,
  revision: 1,
  lifecycle_revision: 1,
  answers: null,
  ...times,
  ...given,
})

export const aLink = (given: Partial<Row<'reminder_plan_recipients'>>): Row<'reminder_plan_recipients'> => ({
  recipient_type: 'PATIENT',
  recipient_id: 1,
  plan_id: 1,
  ...given,
})

export const aTask = (given: Partial<Row<'task_manager_tasks'>>): Row<'task_manager_tasks'> => ({
  id: unassigned,
  organization_id: organization,
  channel: 'EMAIL',
  category: 'REMINDER',
  reminder_id: null,
  notification_id: null,
  task_id: null,
  generation: 0,
  facts: '{}',
  scheduled_at: at,
  next_at: at,
  attempts: 0,
  failures: 0,
  error_code: null,
  touched: 0,
  unregistered_since: null,
  acknowledged_at: null,
  ...times,
  ...given,
})

export const anAddress = (given: Partial<Row<'notification_addresses'>> = {}): Row<'notification_addresses'> => ({
  id: unassigned,
  organization_id: organization,
  channel: 'EMAIL',
  address: "o'neill@example.org",
  last_worked_at: at,
  unknown_since: null,
  suppressed_at: null,
  suppression_cause: null,
  suppression_code: 'bounced',
  lifted_at: null,
  proven_at: null,
  heard_at: null,
  taken: null,
  ...times,
  ...given,
})

export const settings = (): Row<'notification_settings'> => ({
  id: unassigned,
  organization_id: organization,
  account_key: null,
  template_version: null,
  template_versions: null,
  template_partials: null,
  email_enabled: 1,
  sms_enabled: 1,
  email_smtp_host: null,
  email_smtp_port: 587,
  email_username: null,
  email_password: null,
  email_from_address: null,
  email_from_name: null,
  sms_provider: null,
  sms_api_key: null,
  sms_api_secret: null,
  sms_from_number: null,
  default_email_reminders: '[24,"1d"]',
  default_sms_reminders: '[2]',
  email_templates: null,
  sms_templates: null,
  ...times,
  unknown_outcome: null,
  past_reminders: null,
  practitioner_notifications: null,
  default_country: null,
  text_languages: null,
  unsubscribe_categories: null,
  brand_color: null,
  calendar_files: null,
  always_name_time_zone: null,
  detail_levels: null,
  fallback: null,
  quiet_hours: '[]',
  daily_budget: null,
  settle_ms: null,
  ask_for_answers: null,
  confirmed_reminders: null,
  retention: null,
  sms_plain_characters: null,
  message_prices: null,
  reminders_by_kind: null,
  workdays: null,
  holidays: null,
  channels: null,
  email_smtp_security: null,
  revision: 1,
})
