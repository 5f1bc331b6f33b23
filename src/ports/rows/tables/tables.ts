import type { Channel } from '../../../channels/index.ts'
import type { Rule } from '../../../schemas/rules.ts'
import type {
  Category,
  DeliveryState,
  DeliveryStatus,
  RecipientType,
  ReminderStatus,
} from '../../../schemas/vocabulary.ts'
import { accountTables } from './account-tables.ts'
import { addressTables } from './address-tables.ts'
import { answerTables } from './answer-tables.ts'
import { never, optional, type RowOf, required, type Table, times, word } from './columns.ts'
import { consentTables } from './consent-tables.ts'
import { linkTables } from './link-tables.ts'
import { recordTables } from './record-tables.ts'
import { settingTables } from './setting-tables.ts'
import { taskTables } from './task-tables.ts'
import { templateTables } from './template-tables.ts'

/** `BOTH` is documented for stored rows; the library splits it into one EMAIL and one SMS before it stores anything. */
const channel = never(word<Channel>())

/**
 * What a list of deliveries can be asked for, then the order of the list. A row is settled, or rests unsettled, or is queued, or is being
 * sent.
 */
const listed = ['notification_category', 'notification_type', 'recipient_type', 'created_at', 'id'] as const

/**
 * What waits to be sent. A message that is being sent has the end of its lease as its due time, and is in none of these indexes: most
 * messages are sent at once, and would be put into each of them and taken out again.
 */
const queued = { whereNotNull: 'due_at', whereIs: { column: 'delivery_state', word: 'queued' } } as const

/**
 * The tables with the documented names: documented columns first, then ours. The names are a contract with hosts that
 * read them; what every row means is told in `src/ports/storage`.
 */
export const tables = {
  ...settingTables,
  appointment_reminders: {
    columns: {
      id: required('serial'),
      appointment_id: required('appointment'),
      reminder_type: channel,
      reminder_time: required('instant'),
      hours_before_appointment: required('number'),
      subject: optional('text'),
      message: optional('text'),
      status: { ...never(word<ReminderStatus>()), defaultTo: 'PENDING' },
      sent_at: optional('instant'),
      error_message: optional('text'),
      task_manager_task_id: optional('text'),
      task_manager_execution_id: optional('text'),
      ...times,
      organization_id: required('text'),
      recipient_type: never(word<RecipientType>()),
      recipient_id: required('recipient'),
      offset: required('text'),
      starts_at: required('instant'),
      due_at: optional('instant'),
      reason: word<Rule>(),
      notification_id: optional('int'),
      /** Since when it waits for a decision, after a restore; null for all others. */
      held_at: optional('instant'),
      /** 1, or null once CANCELLED: nulls are distinct to a unique index, so one full index serves uniqueness and listing. */
      live: optional('int'),
      /** `traceparent` of the span that planned it; null: there was none. */
      trace_context: optional('text'),
    },
    indexes: [
      {
        name: 'appointment_reminders_identity',
        columns: [
          'appointment_id',
          'organization_id',
          'recipient_type',
          'recipient_id',
          'reminder_type',
          'offset',
          'starts_at',
          'live',
        ],
        unique: true,
      },
      { name: 'appointment_reminders_due', columns: ['due_at'], whereNotNull: 'due_at' },
      {
        name: 'appointment_reminders_lane',
        columns: ['organization_id', 'reminder_type', 'due_at'],
        whereNotNull: 'due_at',
      },
      { name: 'appointment_reminders_held', columns: ['held_at', 'id'], whereNotNull: 'held_at' },
    ],
    /** A reminder changes twice when it is sent, and the second time in nothing that an index holds. */
    fillFactor: 70,
  },
  notification_history: {
    columns: {
      id: required('serial'),
      notification_type: channel,
      notification_category: never(word<Category>()),
      recipient_type: never(word<RecipientType>()),
      recipient_id: required('recipient'),
      recipient_email: optional('text'),
      recipient_phone: optional('text'),
      subject: optional('text'),
      message: required('text'),
      /** Null until settled, so no documented default of SENT: a row is not sent because it exists. */
      status: word<DeliveryStatus>(),
      sent_at: optional('instant'),
      delivered_at: optional('instant'),
      error_message: optional('text'),
      appointment_id: optional('appointment'),
      waitlist_entry_id: optional('waitlistEntry'),
      task_manager_task_id: optional('text'),
      task_manager_execution_id: optional('text'),
      ...times,
      organization_id: required('text'),
      delivery_state: never(word<DeliveryState>()),
      due_at: optional('instant'),
      fence: required('int'),
      attempts: required('int'),
      unknown_outcomes: required('int'),
      reminder_id: optional('int'),
      reason: word<Rule>(),
      error_code: optional('text'),
      provider: optional('text'),
      provider_message_id: optional('text'),
      idempotency_key: required('text'),
      dedupe_key: optional('text'),
      template_revision: required('text'),
      /** JSON, but read by nobody else: it comes back to the letter. */
      snapshot: optional('text'),
      /** Since when it waits for a decision, after a restore; null for all others. */
      held_at: optional('instant'),
      /** Where it goes, in the normal form of the channel. */
      recipient_address: optional('text'),
      /** The account that sent it, or tried to; its id never changes. */
      account_id: optional('text'),
      /** What the provider reported, with the time of each; null: nothing. */
      delivery_detail: optional('json'),
      /** The message on another channel in whose place it is; null: in no other's. */
      fallback_of: optional('int'),
      /** The delivery by whose message it went out, of several about appointments of one day; null: by itself. */
      sent_with: optional('int'),
      /** The code by which a reply names it; null: it asks for no answer. */
      ask_code: optional('text'),
      /** The start that it named: an answer after it, or to an appointment that has moved, is too late. */
      ask_until: optional('instant'),
      /** The number it asked from; null: the provider chose. */
      ask_sender: optional('text'),
      /** `SEQUENCE` of its calendar file; null: it has none. */
      calendar_sequence: optional('int'),
      /** `ORGANIZER` of that file; null: it has none, or the file took its event out of calendars. */
      calendar_organizer: optional('text'),
      /** Since when the row says nothing of its person, and is to take in nothing any more; null for all others. */
      erased_at: optional('instant'),
      /** Of an erased row: its address as a hash, for as long as its person may still complain of it. */
      erased_hash: optional('text'),
      /** `traceparent` of the span that sent it; null: there was none. */
      trace_context: optional('text'),
    },
    indexes: [
      { name: 'notification_history_due_queued', columns: ['due_at', 'id', 'fence'], ...queued },
      {
        name: 'notification_history_lane_queued',
        columns: ['organization_id', 'notification_type', 'due_at'],
        ...queued,
      },
      {
        name: 'notification_history_sending',
        columns: ['id'],
        whereIs: { column: 'delivery_state', word: 'sending' },
      },
      { name: 'notification_history_held', columns: ['held_at', 'id'], whereNotNull: 'held_at' },
      {
        name: 'notification_history_dedupe',
        columns: ['organization_id', 'dedupe_key'],
        unique: true,
        whereNotNull: 'dedupe_key',
      },
      { name: 'notification_history_appointment', columns: ['appointment_id'], whereNotNull: 'appointment_id' },
      {
        name: 'notification_history_waitlist_entry',
        columns: ['waitlist_entry_id'],
        whereNotNull: 'waitlist_entry_id',
      },
      {
        name: 'notification_history_address',
        columns: ['recipient_address', 'created_at', 'id'],
        whereNotNull: 'recipient_address',
      },
      {
        name: 'notification_history_asking',
        columns: ['recipient_address', 'ask_until'],
        whereNotNull: 'ask_until',
      },
      {
        name: 'notification_history_provider_message',
        columns: ['provider_message_id'],
        whereNotNull: 'provider_message_id',
      },
      { name: 'notification_history_sent_with', columns: ['sent_with'], whereNotNull: 'sent_with' },
      { name: 'notification_history_erased', columns: ['erased_at', 'id'], whereNotNull: 'erased_hash' },
      { name: 'notification_history_person', columns: ['recipient_type', 'recipient_id', 'created_at', 'id'] },
      { name: 'notification_history_settled', columns: ['created_at', 'id'], whereNotNull: 'status' },
      { name: 'notification_history_settled_kind', columns: ['status', ...listed], whereNotNull: 'status' },
      {
        name: 'notification_history_settled_organization',
        columns: ['organization_id', 'status', ...listed],
        whereNotNull: 'status',
      },
      {
        name: 'notification_history_resting_kind',
        columns: ['delivery_state', ...listed],
        whereNull: ['status', 'due_at'],
      },
      {
        name: 'notification_history_resting_organization',
        columns: ['organization_id', 'delivery_state', ...listed],
        whereNull: ['status', 'due_at'],
      },
      { name: 'notification_history_kind_queued', columns: [...listed, 'organization_id'], ...queued },
    ],
  },
  reminder_plans: {
    columns: {
      id: required('serial'),
      organization_id: required('text'),
      appointment_id: required('appointment'),
      starts_at: required('instant'),
      local_start: required('text'),
      time_zone: required('text'),
      custom_reminders: optional('json'),
      status: never(word<'active' | 'cancelled'>()),
      cancel_reason: word<Rule>(),
      recipients: required('json'),
      tz_version: optional('text'),
      revision: required('int'),
      lifecycle_revision: required('int'),
      /** What people answered last, each for the start of that time; null: nothing. */
      answers: optional('json'),
      ...times,
    },
    indexes: [
      { name: 'reminder_plans_appointment', columns: ['appointment_id', 'organization_id'], unique: true },
      /** By id, not by start: a page of a re-plan must not miss an appointment that moves while the job runs. */
      { name: 'reminder_plans_organization', columns: ['organization_id', 'id', 'starts_at'] },
      {
        name: 'reminder_plans_ahead',
        columns: ['organization_id', 'starts_at', 'id'],
        whereIs: { column: 'status', word: 'active' },
      },
    ],
  },
  /** Which plans a recipient takes part in: a change of preferences finds them without reading every plan. */
  reminder_plan_recipients: {
    columns: {
      recipient_type: never(word<RecipientType>()),
      recipient_id: required('recipient'),
      plan_id: required('int'),
    },
    primaryKey: ['recipient_type', 'recipient_id', 'plan_id'],
    indexes: [{ name: 'reminder_plan_recipients_plan', columns: ['plan_id'] }],
  },
  notification_decisions: {
    columns: {
      id: required('serial'),
      organization_id: required('text'),
      appointment_id: optional('appointment'),
      waitlist_entry_id: optional('waitlistEntry'),
      at: required('instant'),
      entries: required('json'),
    },
    indexes: [
      { name: 'notification_decisions_appointment', columns: ['appointment_id'], whereNotNull: 'appointment_id' },
    ],
  },
  replan_jobs: {
    columns: {
      /** Never used twice: a worker still on a dropped job must not move the one that took its place. */
      id: { kind: 'serial', notNull: true, monotonic: true },
      organization_id: required('text'),
      recipient_type: word<RecipientType>(),
      recipient_id: optional('recipient'),
      /** The scope as one word, for a null-safe comparison. */
      scope: required('text'),
      cursor: required('int'),
      created_at: required('instant'),
    },
    indexes: [{ name: 'replan_jobs_scope', columns: ['scope'], unique: true }],
  },
  ...recordTables,
  ...taskTables,
  ...accountTables,
  ...addressTables,
  ...linkTables,
  ...answerTables,
  ...consentTables,
  ...templateTables,
} as const satisfies Record<string, Table>

export const ledgerName = 'appointment_notifications_migrations'

/** Which migrations ran here, with which kinds of host ids, and which libraries may still run beside them. */
export const ledger = {
  columns: {
    version: required('int'),
    name: required('text'),
    applied_at: required('instant'),
    ids: required('json'),
    oldest: optional('int'),
    finished_at: optional('instant'),
  },
  primaryKey: ['version'],
  indexes: [],
} as const satisfies Table

export type Tables = typeof tables
export type TableName = keyof Tables
/** A row as every storage gives it to a command: instants in milliseconds, flags 0 or 1, JSON as text. */
export type Row<T extends TableName> = RowOf<Tables[T]>
