import { type Rows, unassigned } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { DeliveryContent } from '../ports/storage/delivery-rows.ts'
import type { IntentCommand } from '../ports/storage/intents.ts'
import { finishReminder } from './cancel.ts'
import { encodeAsk, encodeContent } from './codecs/deliveries.ts'
import type { Tally } from './counters.ts'
import type { GuardCheck } from './guard.ts'
import type { Meter } from './meters.ts'

export type Reminder = Row<'appointment_reminders'>
export type Delivery = Row<'notification_history'>
export type Intent<K extends IntentCommand['kind']> = Extract<IntentCommand, { kind: K }>

/** What an intent is carried out with. */
export type Work = {
  readonly rows: Rows
  readonly at: Date
  readonly tally: Tally
  readonly guard: GuardCheck
  readonly meter: Meter
}

/** The `provider` of handed-over deliveries. */
export const taskManager = 'task_manager'

type Begun = Pick<Delivery, 'delivery_state' | 'due_at' | 'fence' | 'attempts' | 'provider' | 'idempotency_key'> &
  Partial<Pick<Delivery, 'status' | 'error_code' | 'error_message' | 'account_id' | keyof ReturnType<typeof encodeAsk>>>

/**
 * The delivery of a reminder, which is no longer due: both, or neither. An empty text is one that could not be made. Written out, since a row
 * that is put together by spreading takes a process twenty times as long to make, and there is one for each message.
 */
function begin({ rows, at }: Work, row: Reminder, content: DeliveryContent, begun: Begun): Delivery {
  const now = at.getTime()
  const delivery: Delivery = {
    id: unassigned,
    notification_type: row.reminder_type,
    notification_category: 'REMINDER',
    recipient_type: row.recipient_type,
    recipient_id: row.recipient_id,
    recipient_email: content.recipientEmail,
    recipient_phone: content.recipientPhone,
    subject: content.subject,
    message: content.message,
    status: begun.status ?? null,
    sent_at: null,
    delivered_at: null,
    error_message: begun.error_message ?? null,
    appointment_id: row.appointment_id,
    waitlist_entry_id: null,
    task_manager_task_id: null,
    task_manager_execution_id: null,
    created_at: now,
    updated_at: now,
    organization_id: row.organization_id,
    delivery_state: begun.delivery_state,
    due_at: begun.due_at,
    fence: begun.fence,
    attempts: begun.attempts,
    unknown_outcomes: 0,
    reminder_id: row.id,
    reason: null,
    error_code: begun.error_code ?? null,
    provider: begun.provider,
    provider_message_id: null,
    idempotency_key: begun.idempotency_key,
    dedupe_key: null,
    template_revision: content.templateRevision,
    snapshot: null,
    held_at: null,
    recipient_address: content.recipientAddress,
    account_id: begun.account_id ?? null,
    delivery_detail: null,
    fallback_of: null,
    sent_with: null,
    ask_code: begun.ask_code ?? null,
    ask_until: begun.ask_until ?? null,
    ask_sender: begun.ask_sender ?? null,
    calendar_sequence: null,
    calendar_organizer: null,
    erased_at: null,
    erased_hash: null,
    trace_context: null,
  }
  const id = rows.insert('notification_history', delivery)
  const { subject } = delivery
  const message = delivery.message === '' ? null : delivery.message
  rows.update('appointment_reminders', row.id, {
    due_at: null,
    notification_id: id,
    subject,
    message,
    updated_at: now,
  })
  delivery.id = id
  return delivery
}

export const claimReminder = (work: Work, row: Reminder, command: Intent<'send'>): Delivery =>
  begin(work, row, command.content, {
    delivery_state: 'sending',
    due_at: command.leaseUntil.getTime(),
    fence: command.fence,
    attempts: 1,
    provider: command.provider,
    account_id: command.accountId ?? null,
    ...encodeAsk(command.ask ?? null),
    idempotency_key: command.idempotencyKey,
  })

export function failReminder(work: Work, row: Reminder, command: Intent<'fail'>): Delivery {
  const delivery = begin(work, row, command.content, {
    status: 'FAILED',
    error_code: command.code,
    error_message: command.message,
    delivery_state: 'settled',
    due_at: null,
    fence: 0,
    attempts: 0,
    provider: null,
    // Nothing was tried under it, and nothing will be.
    idempotency_key: '',
  })
  finishReminder(work.rows, row.id, 'FAILED', command.message, work.at)
  const { organization_id: organizationId, reminder_type: channel } = row
  work.tally.add({ organizationId, channel, category: 'REMINDER' }, 'FAILED', work.at)
  return delivery
}

function addTask({ rows, at }: Work, delivery: Delivery, { task }: Intent<'hand_over'>): Delivery {
  const now = at.getTime()
  rows.ensure('task_manager_tasks', {
    id: unassigned,
    organization_id: delivery.organization_id,
    channel: delivery.notification_type,
    category: delivery.notification_category,
    reminder_id: delivery.reminder_id,
    notification_id: delivery.id,
    task_id: null,
    generation: 0,
    facts: task.facts,
    scheduled_at: task.scheduledAt.getTime(),
    next_at: task.nextAt.getTime(),
    attempts: 0,
    failures: 0,
    error_code: null,
    touched: 0,
    unregistered_since: now,
    acknowledged_at: null,
    created_at: now,
    updated_at: now,
  })
  return delivery
}

export function handOverReminder(work: Work, row: Reminder, command: Intent<'hand_over'>): Delivery {
  const delivery = begin(work, row, command.content, {
    delivery_state: 'handed_over',
    due_at: null,
    fence: 0,
    attempts: 0,
    provider: taskManager,
    idempotency_key: command.idempotencyKey,
  })
  return addTask(work, delivery, command)
}

export function handOverDelivery(work: Work, row: Delivery, command: Intent<'hand_over'>): Delivery {
  const change = {
    ...encodeContent(command.content),
    provider: taskManager,
    idempotency_key: command.idempotencyKey,
    delivery_state: 'handed_over' as const,
    due_at: null,
    updated_at: work.at.getTime(),
  }
  work.rows.update('notification_history', row.id, change)
  return addTask(work, { ...row, ...change }, command)
}

const noText = {
  recipientEmail: null,
  recipientPhone: null,
  recipientAddress: null,
  subject: null,
  message: '',
  templateRevision: '',
}

/** Fence 1 marks it as taken over by the library; handed-over deliveries have 0. */
export const releaseReminder = (work: Work, row: Reminder, command: Intent<'release'>): Delivery =>
  begin(work, row, noText, {
    delivery_state: 'queued',
    due_at: work.at.getTime(),
    fence: 1,
    attempts: 0,
    provider: null,
    idempotency_key: command.idempotencyKey,
  })

/** Takes over a delivery from TaskManager: the library sends it, under the next fence. */
export function releaseDelivery({ rows, at }: Pick<Work, 'rows' | 'at'>, row: Delivery): Delivery {
  const change = {
    provider: null,
    delivery_state: 'queued' as const,
    due_at: at.getTime(),
    fence: row.fence + 1,
    updated_at: at.getTime(),
  }
  rows.update('notification_history', row.id, change)
  return { ...row, ...change }
}
