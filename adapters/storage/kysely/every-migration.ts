import type { Change, Migration } from './migrations.ts'

const create = (...tables: readonly string[]): Change => ({ kind: 'create', tables })
const relax = (...tables: readonly string[]): Change => ({ kind: 'relax', tables })
const add = (table: string, ...columns: readonly string[]): Change => ({ kind: 'add', table, columns })
const fill = (table: string, set: string, where: string): Change => ({ kind: 'fill', table, set, where })
const dropIndexes = (...names: readonly string[]): Change => ({ kind: 'dropIndexes', names })

const preferences = ['patient_notification_preferences', 'client_notification_preferences'] as const
const withPreferences = ['notification_settings', ...preferences] as const

/** One that the library of migration 3 works beside. */
const since3 = (version: number, name: string, ...changes: readonly Change[]): Migration => ({
  version,
  name,
  oldest: 3,
  changes,
})

/** All that there ever were. */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'reminders_and_history',
    oldest: 1,
    changes: [
      create(
        'notification_settings',
        'patient_notification_preferences',
        'client_notification_preferences',
        'appointment_reminders',
        'notification_history',
        'reminder_plans',
        'reminder_plan_recipients',
        'notification_decisions',
        'notification_suppressions',
        'replan_jobs',
      ),
    ],
  },
  {
    version: 2,
    name: 'requests_audit_and_statistics',
    oldest: 1,
    changes: [
      create(
        'notification_requests',
        'notification_audit',
        'notification_counters',
        'appointment_outcomes',
        'notification_jobs',
      ),
    ],
  },
  { version: 3, name: 'task_manager_tasks', oldest: 1, changes: [create('task_manager_tasks')] },
  since3(
    4,
    'words_without_checks',
    relax(
      'appointment_reminders',
      'notification_history',
      'reminder_plans',
      'reminder_plan_recipients',
      'notification_suppressions',
      'replan_jobs',
    ),
  ),
  since3(5, 'accounts', create('notification_accounts', 'notification_waiting')),
  since3(6, 'held_after_a_restore', add('appointment_reminders', 'held_at'), add('notification_history', 'held_at')),
  since3(
    7,
    'lists_at_size',
    add('notification_jobs', 'progress'),
    // Others hold what they held, and what lists are filtered by.
    dropIndexes(
      'notification_history_due',
      'notification_history_organization',
      'notification_history_created',
      'notification_audit_organization',
    ),
  ),
  since3(8, 'countries_and_encryption', add('notification_settings', 'default_country', 'email_smtp_security')),
  since3(9, 'channels', ...withPreferences.map((table) => add(table, 'channels'))),
  since3(
    10,
    'addresses',
    create('notification_addresses'),
    {
      kind: 'carry',
      from: 'notification_suppressions',
      to: 'notification_addresses',
      values: {
        organization_id: 'organization_id',
        channel: 'channel',
        address: 'address',
        suppressed_at: 'created_at',
        // Mail servers say that nobody has the address; all other words were an opt-out.
        suppression_cause: "case when channel = 'EMAIL' and reason like 'smtp%' then 'invalid' else 'stop' end",
        suppression_code: 'reason',
        created_at: 'created_at',
        updated_at: 'created_at',
      },
    },
    add('notification_history', 'recipient_address'),
    fill(
      'notification_history',
      'recipient_address = coalesce(lower(recipient_email), recipient_phone)',
      'recipient_address is null and (recipient_email is not null or recipient_phone is not null)',
    ),
  ),
  /** Ids for accounts, and their previous credentials. */
  since3(
    11,
    'account_ids',
    create('notification_previous_accounts'),
    add('notification_settings', 'account_key'),
    fill('notification_settings', 'account_key = $random', 'account_key is null'),
  ),
  /** Which account sent a message, and what its provider reported of it, with the time of each. The index by the provider's id is built from `tables.ts`. */
  since3(12, 'receipts', add('notification_history', 'account_id', 'delivery_detail')),
  /**
   * Pages of reminders keep room for changes: see `fillFactor` in `tables.ts`. Of a table that is there only pages that are written from
   * now on; nothing is moved, and nobody waits for it.
   */
  since3(13, 'room_for_changes', {
    kind: 'alter',
    table: 'appointment_reminders',
    sqlite: (definition) => definition,
    postgres: (table) => [`alter table ${table} set (fillfactor = 70)`],
  }),
  /** Languages and zones of messages, how much they say, and what they cost. */
  since3(
    14,
    'languages',
    add(
      'notification_settings',
      'text_languages',
      'always_name_time_zone',
      'detail_levels',
      'sms_plain_characters',
      'message_prices',
      'reminders_by_kind',
      'workdays',
      'holidays',
    ),
    ...preferences.map((table) => add(table, 'detail_levels')),
  ),
  /** Which channel takes over from which, and the message that a message is in place of. */
  since3(
    15,
    'fallback',
    ...withPreferences.map((table) => add(table, 'fallback')),
    add('notification_history', 'fallback_of'),
  ),
  /** The index by which an organization's next appointments are found is built from `tables.ts`. */
  since3(16, 'appointments_ahead'),
  /** What people said of what they want, what they wrote, and what they do not want on a channel. */
  since3(
    17,
    'consent',
    create('notification_consents', 'notification_inbound'),
    add('notification_addresses', 'heard_at', 'taken'),
    ...preferences.map((table) => add(table, 'opt_outs')),
  ),
  /** What messages ask, what people answer, and what becomes of reminders then. */
  since3(
    18,
    'answers',
    create('notification_answers'),
    add('notification_settings', 'ask_for_answers', 'confirmed_reminders'),
    add('notification_history', 'ask_code', 'ask_until', 'ask_sender'),
    add('reminder_plans', 'answers'),
  ),
  /** Links of messages, what organizations set of their pages, and the language that a person chose there. */
  since3(
    19,
    'links',
    create('notification_links'),
    add('notification_settings', 'unsubscribe_categories', 'brand_color'),
    ...preferences.map((table) => add(table, 'text_language')),
  ),
  /**
   * Quiet hours, how much a person gets a day, and how long notices settle. Organizations that are there have decided to have no quiet hours; new
   * ones are asked.
   */
  since3(
    20,
    'quiet_hours',
    add('notification_settings', 'quiet_hours', 'daily_budget', 'settle_ms'),
    fill('notification_settings', "quiet_hours = '[]'", 'quiet_hours is null'),
    create('notification_budgets'),
  ),
  /** How long what is over is kept, messages of erased persons, and keys of the library's own. */
  since3(
    21,
    'retention_and_erasure',
    create('notification_keys'),
    add('notification_settings', 'retention'),
    add('notification_history', 'erased_at'),
  ),
  /** Versions of templates, and what templates are made of. */
  since3(
    22,
    'template_versions',
    create('notification_template_versions'),
    add('notification_settings', 'template_partials', 'template_version', 'template_versions'),
  ),
  /** One message for the appointments of a day, and which deliveries went out in it. */
  since3(
    23,
    'one_message_per_day',
    add('notification_settings', 'one_message_per_day'),
    add('notification_history', 'sent_with'),
  ),
  /** By what a complaint about a message of an erased person counts still. The index of consents by their address is built from `tables.ts`. */
  since3(
    24,
    'late_complaints',
    add('notification_history', 'erased_hash'),
    // Messages of a person are read by (created_at, id): of very many of one instant each page would sort them all.
    dropIndexes('notification_history_recipient'),
  ),
  /** When people were last notified that they opted out, are back, or whom to call. */
  since3(25, 'answered_people', add('notification_addresses', 'answered')),
  /** What calendar files said of appointments, and the layout of mails. */
  since3(
    27,
    'mail',
    add('notification_settings', 'calendar_files', 'mail_layout'),
    add('notification_history', 'calendar_sequence', 'calendar_organizer'),
  ),
  /** How spans of one process find those of another that planned or sent the same message. */
  since3(
    28,
    'trace_context',
    add('appointment_reminders', 'trace_context'),
    add('notification_history', 'trace_context'),
  ),
  /**
   * What is being sent is no longer in the indexes of what waits: see `queued` in `tables.ts`, from which the new ones are built. The release
   * before goes on without the old ones, right and slowly: every message would pay for keeping both.
   */
  since3(
    29,
    'indexes_of_what_waits',
    dropIndexes('notification_history_due_fence', 'notification_history_lane', 'notification_history_waiting'),
  ),
]
