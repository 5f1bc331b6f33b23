import type { TableName } from '../../src/ports/rows/tables/tables.ts'

/**
 * What each column may hold of a person. `personal`: texts, names, addresses, or what may quote them, and the way in which it is rid of
 * them: by `erase` for a person, by `retention` for all that is old, or both; `expires`: it goes by itself within a day or two.
 * `hashed`: it stays as a hash. Every other column must be named under `other`: ids, words, times and counts, and settings of organizations.
 * A new table or column that is in neither list fails `columns.test.ts`: decide first what becomes of it when a person is erased.
 */
export type Ways = readonly ('erase' | 'retention' | 'expires' | 'hashed' | 'deleted')[]
type Classified = {
  readonly personal: Readonly<Record<string, Ways>>
  readonly other: readonly string[]
  /** All columns that are not personal are of this kind: fields of settings and preferences come from tables of their own. */
  readonly rest?: true
}

const text: Ways = ['erase', 'retention']
const preferences: Classified = {
  personal: { email_address: ['deleted'], phone_number: ['deleted'], channels: ['deleted'] },
  other: [],
  // The whole row goes with its person.
  rest: true,
}

export const columns: Readonly<Record<TableName, Classified>> = {
  notification_settings: {
    personal: {},
    // What an organization says of itself; secrets are sealed.
    other: [],
    rest: true,
  },
  patient_notification_preferences: preferences,
  client_notification_preferences: preferences,
  appointment_reminders: {
    personal: { subject: text, message: text, error_message: text },
    other: [
      ...['id', 'appointment_id', 'reminder_type', 'reminder_time', 'hours_before_appointment', 'status', 'sent_at'],
      ...['task_manager_task_id', 'task_manager_execution_id', 'created_at', 'updated_at', 'organization_id'],
      ...[
        'recipient_type',
        'recipient_id',
        'offset',
        'starts_at',
        'due_at',
        'reason',
        'notification_id',
        'held_at',
        'live',
        'trace_context',
      ],
    ],
  },
  notification_history: {
    personal: {
      recipient_email: text,
      recipient_phone: text,
      recipient_address: text,
      subject: text,
      message: text,
      snapshot: text,
      error_message: text,
      erased_hash: ['hashed', 'expires'],
    },
    other: [
      ...['id', 'notification_type', 'notification_category', 'recipient_type', 'recipient_id', 'status', 'sent_at'],
      ...['delivered_at', 'appointment_id', 'waitlist_entry_id', 'task_manager_task_id', 'task_manager_execution_id'],
      ...['created_at', 'updated_at', 'organization_id', 'delivery_state', 'due_at', 'fence', 'attempts'],
      ...['unknown_outcomes', 'reminder_id', 'reason', 'error_code', 'provider', 'provider_message_id'],
      // Keys are digests, or what the host gave as a key.
      ...[
        'idempotency_key',
        'dedupe_key',
        'template_revision',
        'held_at',
        'account_id',
        'fallback_of',
        'sent_with',
        'erased_at',
        'trace_context',
      ],
      ...['ask_code', 'ask_until', 'ask_sender', 'calendar_sequence', 'calendar_organizer'],
      // Times of reports.
      'delivery_detail',
    ],
  },
  reminder_plans: {
    personal: {},
    other: [
      ...['id', 'organization_id', 'appointment_id', 'starts_at', 'local_start', 'time_zone', 'custom_reminders'],
      // Types and ids.
      'recipients',
      ...['status', 'cancel_reason', 'tz_version', 'revision', 'lifecycle_revision', 'created_at', 'updated_at'],
      // Who confirmed, by id.
      'answers',
    ],
  },
  reminder_plan_recipients: { personal: {}, other: ['recipient_type', 'recipient_id', 'plan_id'] },
  notification_decisions: {
    personal: { entries: text },
    other: ['id', 'organization_id', 'appointment_id', 'waitlist_entry_id', 'at'],
  },
  replan_jobs: {
    personal: {},
    other: ['id', 'organization_id', 'recipient_type', 'recipient_id', 'scope', 'cursor', 'created_at'],
  },
  notification_counters: {
    personal: {},
    other: ['organization_id', 'day', 'measure', 'channel', 'category', 'provider', 'detail', 'count'],
  },
  appointment_outcomes: {
    personal: {},
    other: ['appointment_id', 'organization_id', 'outcome', 'day', 'detail', 'recorded_at'],
  },
  notification_audit: {
    // Who gave a consent, and how.
    personal: { details: text },
    other: ['id', 'organization_id', 'at', 'actor_kind', 'actor_id', 'action', 'target_type', 'target_id'],
  },
  notification_requests: {
    personal: { answer: ['erase', 'expires'] },
    other: ['caller', 'key', 'fingerprint', 'token', 'lease_until', 'expires_at'],
  },
  notification_keys: { personal: {}, other: ['name', 'sealed', 'created_at'] },
  notification_jobs: { personal: {}, other: ['name', 'holder', 'lease_until', 'progress'] },
  task_manager_tasks: {
    personal: { facts: ['erase', 'expires'] },
    other: [
      ...['id', 'organization_id', 'channel', 'category', 'reminder_id', 'notification_id', 'task_id', 'generation'],
      ...['scheduled_at', 'next_at', 'attempts', 'failures', 'error_code', 'touched', 'unregistered_since'],
      ...['acknowledged_at', 'created_at', 'updated_at'],
    ],
  },
  notification_accounts: {
    personal: {},
    other: ['account', 'organization_id', 'channel', 'provider', 'code', 'paused_since', 'refusals', 'probe_at'],
  },
  notification_waiting: { personal: {}, other: ['account', 'due_at', 'work', 'work_id', 'organization_id'] },
  notification_previous_accounts: {
    personal: {},
    other: ['id', 'account_id', 'organization_id', 'channel', 'account', 'expires_at'],
  },
  notification_addresses: {
    personal: { address: ['erase', 'hashed', 'retention'] },
    other: [
      ...['id', 'organization_id', 'channel', 'last_worked_at', 'unknown_since', 'suppressed_at', 'suppression_cause'],
      ...['suppression_code', 'lifted_at', 'proven_at', 'heard_at', 'answered', 'taken', 'created_at'],
      'updated_at',
    ],
  },
  notification_suppressions: {
    personal: { address: ['erase'] },
    other: ['organization_id', 'channel', 'reason', 'created_at'],
  },
  notification_answers: {
    personal: { address: text, message: text, last_error: text },
    other: [
      ...['id', 'organization_id', 'appointment_id', 'recipient_type', 'recipient_id', 'kind', 'via', 'channel'],
      ...['message_id', 'candidates', 'starts_at', 'answered_at', 'actor_kind', 'actor_id', 'due_at', 'attempts'],
      ...['delivered_at', 'handled_at', 'created_at', 'updated_at'],
    ],
  },
  notification_template_versions: {
    personal: {},
    // What an organization writes to everybody, and which of its staff did.
    other: [
      ...['id', 'organization_id', 'version', 'based_on', 'content', 'created_at', 'actor_kind', 'actor_id'],
      ...['published_at', 'publisher_kind', 'publisher_id'],
    ],
  },
  notification_consents: {
    // Proof: it is kept, and names addresses by their rows alone.
    personal: {},
    other: [
      ...['id', 'organization_id', 'at', 'act', 'how', 'actor_kind', 'actor_id', 'recipient_type', 'recipient_id'],
      ...['address_id', 'channel', 'category', 'wording'],
    ],
  },
  notification_inbound: {
    personal: { address: text, text },
    other: [
      ...['id', 'account_id', 'message_id', 'organization_id', 'channel', 'meaning', 'received_at', 'open_at'],
      'decided_at',
    ],
  },
  notification_links: {
    personal: { contact: ['erase', 'expires'] },
    other: [
      ...['hash', 'organization_id', 'purpose', 'recipient_type', 'recipient_id', 'appointment_id', 'channel'],
      ...['category', 'starts_at', 'expires_at', 'created_at'],
    ],
  },
  notification_budgets: {
    personal: {},
    other: ['id', 'organization_id', 'recipient_type', 'recipient_id', 'day', 'count'],
  },
}
