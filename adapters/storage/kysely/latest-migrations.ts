import type { Migration } from './migrations.ts'

const addresses: Migration = {
  version: 10,
  name: 'addresses',
  oldest: 3,
  changes: [
    { kind: 'create', tables: ['notification_addresses'] },
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
    { kind: 'add', table: 'notification_history', columns: ['recipient_address'] },
    {
      kind: 'fill',
      table: 'notification_history',
      set: 'recipient_address = coalesce(lower(recipient_email), recipient_phone)',
      where: 'recipient_address is null and (recipient_email is not null or recipient_phone is not null)',
    },
  ],
}

/** Ids for accounts, and their previous credentials. */
const accountIds: Migration = {
  version: 11,
  name: 'account_ids',
  oldest: 3,
  changes: [
    { kind: 'create', tables: ['notification_previous_accounts'] },
    { kind: 'add', table: 'notification_settings', columns: ['account_key'] },
    { kind: 'fill', table: 'notification_settings', set: 'account_key = $random', where: 'account_key is null' },
  ],
}

/** Which account sent a message, and what its provider reported of it, with the time of each. The index by the provider's id is built from `tables.ts`. */
const receiptMigration: Migration = {
  version: 12,
  name: 'receipts',
  oldest: 3,
  changes: [{ kind: 'add', table: 'notification_history', columns: ['account_id', 'delivery_detail'] }],
}

/**
 * Pages of reminders keep room for changes: see `fillFactor` in `tables.ts`. Of a table that is there only pages that are written from
 * now on; nothing is moved, and nobody waits for it.
 */
const roomForChanges: Migration = {
  version: 13,
  name: 'room_for_changes',
  oldest: 3,
  changes: [
    {
      kind: 'alter',
      table: 'appointment_reminders',
      sqlite: (definition) => definition,
      postgres: (table) => [`alter table ${table} set (fillfactor = 70)`],
    },
  ],
}

const preferences = ['patient_notification_preferences', 'client_notification_preferences']

/** Languages and zones of messages, how much they say, and what they cost. */
const languages: Migration = {
  version: 14,
  name: 'languages',
  oldest: 3,
  changes: [
    {
      kind: 'add',
      table: 'notification_settings',
      columns: [
        'text_languages',
        'always_name_time_zone',
        'detail_levels',
        'sms_plain_characters',
        'message_prices',
        'reminders_by_kind',
        'workdays',
        'holidays',
      ],
    },
    ...preferences.map((table) => ({ kind: 'add', table, columns: ['detail_levels'] }) as const),
  ],
}

/** Which channel takes over from which, and the message that a message is in place of. */
const fallback: Migration = {
  version: 15,
  name: 'fallback',
  oldest: 3,
  changes: [
    ...['notification_settings', ...preferences].map(
      (table) => ({ kind: 'add', table, columns: ['fallback'] }) as const,
    ),
    { kind: 'add', table: 'notification_history', columns: ['fallback_of'] },
  ],
}

/** The index by which an organization's next appointments are found is built from `tables.ts`. */
const ahead: Migration = { version: 16, name: 'appointments_ahead', oldest: 3, changes: [] }

/** What people said of what they want, what they wrote, and what they do not want on a channel. */
const consent: Migration = {
  version: 17,
  name: 'consent',
  oldest: 3,
  changes: [
    { kind: 'create', tables: ['notification_consents', 'notification_inbound'] },
    { kind: 'add', table: 'notification_addresses', columns: ['heard_at', 'taken'] },
    ...preferences.map((table) => ({ kind: 'add', table, columns: ['opt_outs'] }) as const),
  ],
}

/** What messages ask, what people answer, and what becomes of reminders then. */
const answers: Migration = {
  version: 18,
  name: 'answers',
  oldest: 3,
  changes: [
    { kind: 'create', tables: ['notification_answers'] },
    { kind: 'add', table: 'notification_settings', columns: ['ask_for_answers', 'confirmed_reminders'] },
    { kind: 'add', table: 'notification_history', columns: ['ask_code', 'ask_until', 'ask_sender'] },
    { kind: 'add', table: 'reminder_plans', columns: ['answers'] },
  ],
}

/** Links of messages, what organizations set of their pages, and the language that a person chose there. */
const links: Migration = {
  version: 19,
  name: 'links',
  oldest: 3,
  changes: [
    { kind: 'create', tables: ['notification_links'] },
    { kind: 'add', table: 'notification_settings', columns: ['unsubscribe_categories', 'brand_color'] },
    ...preferences.map((table) => ({ kind: 'add', table, columns: ['text_language'] }) as const),
  ],
}

/**
 * Quiet hours, how much a person gets a day, and how long notices settle. Organizations that are there have decided to have no quiet hours; new
 * ones are asked.
 */
const hours: Migration = {
  version: 20,
  name: 'quiet_hours',
  oldest: 3,
  changes: [
    { kind: 'add', table: 'notification_settings', columns: ['quiet_hours', 'daily_budget', 'settle_ms'] },
    { kind: 'fill', table: 'notification_settings', set: "quiet_hours = '[]'", where: 'quiet_hours is null' },
    { kind: 'create', tables: ['notification_budgets'] },
  ],
}

/** How long what is over is kept, messages of erased persons, and keys of the library's own. */
const kept: Migration = {
  version: 21,
  name: 'retention_and_erasure',
  oldest: 3,
  changes: [
    { kind: 'create', tables: ['notification_keys'] },
    { kind: 'add', table: 'notification_settings', columns: ['retention'] },
    { kind: 'add', table: 'notification_history', columns: ['erased_at'] },
  ],
}

/** Versions of templates, and what templates are made of. */
const templates: Migration = {
  version: 22,
  name: 'template_versions',
  oldest: 3,
  changes: [
    { kind: 'create', tables: ['notification_template_versions'] },
    {
      kind: 'add',
      table: 'notification_settings',
      columns: ['template_partials', 'template_version', 'template_versions'],
    },
  ],
}

/** One message for the appointments of a day, and which deliveries went out in it. */
const day: Migration = {
  version: 23,
  name: 'one_message_per_day',
  oldest: 3,
  changes: [
    { kind: 'add', table: 'notification_settings', columns: ['one_message_per_day'] },
    { kind: 'add', table: 'notification_history', columns: ['sent_with'] },
  ],
}

/** By what a complaint about a message of an erased person counts still. The index of consents by their address is built from `tables.ts`. */
const lateComplaints: Migration = {
  version: 24,
  name: 'late_complaints',
  oldest: 3,
  changes: [
    { kind: 'add', table: 'notification_history', columns: ['erased_hash'] },
    // Messages of a person are read by (created_at, id): of very many of one instant each page would sort them all.
    { kind: 'dropIndexes', names: ['notification_history_recipient'] },
  ],
}

/** When people were last notified that they opted out, are back, or whom to call. */
const answeredPeople: Migration = {
  version: 25,
  name: 'answered_people',
  oldest: 3,
  changes: [{ kind: 'add', table: 'notification_addresses', columns: ['answered'] }],
}

/** What calendar files said of appointments, and the layout of mails. */
const mail: Migration = {
  version: 27,
  name: 'mail',
  oldest: 3,
  changes: [
    { kind: 'add', table: 'notification_settings', columns: ['calendar_files', 'mail_layout'] },
    { kind: 'add', table: 'notification_history', columns: ['calendar_sequence', 'calendar_organizer'] },
  ],
}

/** How spans of one process find those of another that planned or sent the same message. */
const traces: Migration = {
  version: 28,
  name: 'trace_context',
  oldest: 3,
  changes: (['appointment_reminders', 'notification_history'] as const).map(
    (table) => ({ kind: 'add', table, columns: ['trace_context'] }) as const,
  ),
}

/**
 * What is being sent is no longer in the indexes of what waits: see `queued` in `tables.ts`, from which the new ones are built. The release
 * before goes on without the old ones, right and slowly: every message would pay for keeping both.
 */
const queuedIndexes: Migration = {
  version: 29,
  name: 'indexes_of_what_waits',
  oldest: 3,
  changes: [
    {
      kind: 'dropIndexes',
      names: ['notification_history_due_fence', 'notification_history_lane', 'notification_history_waiting'],
    },
  ],
}

/** From version 10 on. */
export const latestMigrations: readonly Migration[] = [
  addresses,
  accountIds,
  receiptMigration,
  roomForChanges,
  languages,
  fallback,
  ahead,
  consent,
  answers,
  links,
  hours,
  kept,
  templates,
  day,
  lateComplaints,
  answeredPeople,
  mail,
  traces,
  queuedIndexes,
]
