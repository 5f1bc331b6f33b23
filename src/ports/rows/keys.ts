import type { Row, TableName } from './tables/tables.ts'

type Column<T extends TableName> = keyof Row<T> & string

/** What a fixed condition of a key says of a column: it is null, it is not, or it holds one of these words. */
export type Fixed = 'null' | 'not null' | readonly string[]

/** A key of any table. */
export type AnyKey = {
  readonly table: TableName
  readonly by: readonly string[]
  /** Null: all of them. */
  readonly columns: readonly string[] | null
  readonly where: { readonly [column: string]: Fixed }
}

/** By what rows of a table are found: columns that are asked for and never change, and conditions that are always the same. */
export type Key<T extends TableName, B extends Column<T>, C extends Column<T>> = AnyKey & {
  readonly table: T
  readonly by: readonly B[]
  readonly columns: readonly C[] | null
}
/** One that finds whole rows. */
export type WholeKey<T extends TableName, B extends Column<T>> = Key<T, B, Column<T>> & { readonly columns: null }
export type KeyOf<T extends TableName, B extends Column<T>> = Pick<Row<T>, B>
export type Part<T extends TableName, C extends Column<T>> = Pick<Row<T>, C>

const key = <T extends TableName, const B extends Column<T>>(
  table: T,
  by: readonly B[],
  where: { readonly [column: string]: Fixed } = {},
): WholeKey<T, B> => ({ table, by, columns: null, where })

/** The row of a unique key, of which only these columns are read where a statement can choose. */
const part = <T extends TableName, B extends Column<T>, const C extends Column<T>>(
  { table, by, where }: Key<T, B, Column<T>>,
  columns: readonly C[],
): Key<T, B, C> => ({ table, by, columns, where })

const history = 'notification_history'
const ofAppointment = ['appointment_id', 'organization_id'] as const
/** Of a message that may still be sent. */
export const openStates = ['queued', 'sending', 'handed_over'] as const

/** Categories of notices of which a newer one replaces an older one. */
export const lifecycle = ['CONFIRMATION', 'RESCHEDULE', 'CANCELLATION'] as const

const plan = key('reminder_plans', ofAppointment)
const settings = key('notification_settings', ['organization_id'])
const patient = key('patient_notification_preferences', ['patient_id'])
const client = key('client_notification_preferences', ['client_id'])
const delivery = key(history, ['id'])
const reminder = key('appointment_reminders', ['id'])
const address = key('notification_addresses', ['organization_id', 'channel', 'address'])

/** Every key that commands read by. */
export const keys = {
  settings,
  templateVersion: key('notification_template_versions', ['organization_id', 'version']),
  settingsRevision: part(settings, ['revision']),
  patient,
  patientRevision: part(patient, ['revision']),
  client,
  clientRevision: part(client, ['revision']),

  plan,
  planRevision: part(plan, ['revision']),
  planCreated: part(plan, ['created_at']),
  planById: key('reminder_plans', ['id']),
  plansOfAppointment: key('reminder_plans', ['appointment_id']),
  planLinks: key('reminder_plan_recipients', ['recipient_type', 'recipient_id']),

  reminder,
  /** What settling an attempt looks at. */
  reminderStatus: part(reminder, ['id', 'status']),
  /** Whether it waits, and until when. */
  waitingReminder: part(reminder, ['id', 'status', 'due_at']),
  liveReminders: key('appointment_reminders', ofAppointment, { live: 'not null' }),
  liveRemindersOf: key('appointment_reminders', [...ofAppointment, 'recipient_type', 'recipient_id'], {
    live: 'not null',
  }),
  remindersOfAppointment: key('appointment_reminders', ['appointment_id']),
  pendingReminders: key('appointment_reminders', ['appointment_id'], { status: ['PENDING'] }),

  delivery,
  /** What settling an attempt looks at: a long row without its text. */
  attempt: part(delivery, [
    'id',
    'delivery_state',
    'fence',
    'organization_id',
    'appointment_id',
    'waitlist_entry_id',
    'notification_type',
    'notification_category',
    'recipient_type',
    'recipient_id',
    'provider',
    'reminder_id',
    'attempts',
    'unknown_outcomes',
    'status',
    'due_at',
    'error_code',
    'provider_message_id',
    'erased_at',
    'erased_hash',
  ]),
  /** Who sends it, and until when, or until when it waits. */
  lease: part(delivery, ['id', 'delivery_state', 'fence', 'due_at']),
  deliveryOnce: part(key(history, ['organization_id', 'dedupe_key']), ['id']),
  /** Notices, queued or handed over, that a newer one of the same appointment, recipient and channel replaces. */
  replaceable: key(history, [...ofAppointment, 'recipient_type', 'recipient_id', 'notification_type'], {
    delivery_state: ['queued', 'handed_over'],
    reason: 'null',
    notification_category: lifecycle,
  }),
  openOfAppointment: key(history, ['appointment_id'], { delivery_state: openStates }),
  deliveriesOfAppointment: key(history, ['appointment_id']),
  deliveriesOfWaitlistEntry: key(history, ['waitlist_entry_id']),
  openOfRecipient: key(history, ['recipient_type', 'recipient_id'], { delivery_state: openStates }),

  task: key('task_manager_tasks', ['id']),
  taskOfDelivery: key('task_manager_tasks', ['notification_id']),
  decision: key('notification_decisions', ['id']),
  decisionsOfAppointment: key('notification_decisions', ['appointment_id']),
  auditEntry: key('notification_audit', ['id']),
  previousAccount: key('notification_previous_accounts', ['id']),

  address,
  addressById: key('notification_addresses', ['id']),
  /** Whether it may be written to. */
  addressStanding: part(address, ['suppressed_at', 'suppression_cause', 'suppression_code', 'lifted_at']),
  inbound: key('notification_inbound', ['account_id', 'message_id', 'organization_id']),
  inboundById: key('notification_inbound', ['id']),
  openInbound: key('notification_inbound', ['address', 'channel'], { open_at: 'not null' }),
  consentsOfRecipient: key('notification_consents', ['recipient_type', 'recipient_id']),
  counter: part(
    key('notification_counters', ['organization_id', 'day', 'measure', 'channel', 'category', 'provider', 'detail']),
    ['count'],
  ),
  outcome: key('appointment_outcomes', ofAppointment),
  budget: key('notification_budgets', ['organization_id', 'recipient_type', 'recipient_id']),

  link: key('notification_links', ['hash']),
  linksOfRecipient: key('notification_links', ['recipient_type', 'recipient_id']),
  linksOfAppointment: key('notification_links', ['appointment_id']),

  answer: key('notification_answers', ['id']),
  answerOfMessage: key('notification_answers', ['message_id']),
} as const
