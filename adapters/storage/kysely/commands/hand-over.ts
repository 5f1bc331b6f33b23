import type { DeliveryContent } from '../../../../src/index.ts'
import { encodeContent, untouched } from '../codecs/deliveries.ts'
import type { Delivery, Intent, IntentTx, Reminder } from './intent-types.ts'
import { deliveryOf } from './reminder-intents.ts'

/** Who has what is handed over, as a provider. */
export const taskManager = 'task_manager'

function addTask({ tx, at }: IntentTx, delivery: Delivery, { task }: Intent<'hand_over'>): void {
  const now = at.getTime()
  tx.statements.tasks.insert.run({
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
}

type Handed = Pick<Delivery, 'delivery_state' | 'due_at' | 'fence' | 'provider' | 'idempotency_key'>

function insertFor(intent: IntentTx, row: Reminder, content: DeliveryContent, handed: Handed): Delivery {
  const { tx, at } = intent
  const delivery = {
    ...deliveryOf(row, content, at.getTime()),
    ...handed,
    status: null,
    error_code: null,
    error_message: null,
    attempts: 0,
  }
  const { id } = tx.statements.deliveries.insert.run(delivery)
  const { subject, updated_at } = delivery
  const message = delivery.message === '' ? null : delivery.message
  tx.statements.reminders.claim.run({ id: row.id, due_at: null, notification_id: id, subject, message, updated_at })
  return { ...delivery, ...untouched, id }
}

export function handOverReminder(intent: IntentTx, row: Reminder, command: Intent<'hand_over'>): Delivery {
  const handed = { delivery_state: 'handed_over', due_at: null, fence: 0, provider: taskManager } as const
  const delivery = insertFor(intent, row, command.content, { ...handed, idempotency_key: command.idempotencyKey })
  addTask(intent, delivery, command)
  return delivery
}

export function handOverDelivery(intent: IntentTx, row: Delivery, command: Intent<'hand_over'>): Delivery {
  const { content } = command
  const change = {
    ...encodeContent(content),
    provider: taskManager,
    idempotency_key: command.idempotencyKey,
    delivery_state: 'handed_over' as const,
    due_at: null,
    fence: row.fence,
    attempts: row.attempts,
    unknown_outcomes: row.unknown_outcomes,
    updated_at: intent.at.getTime(),
  }
  intent.tx.statements.deliveries.claim.run({ id: row.id, ...change })
  const delivery = { ...row, ...change }
  addTask(intent, delivery, command)
  return delivery
}

const noText = { recipientEmail: null, recipientPhone: null, subject: null, message: '', templateRevision: '' }

/** The first fence says whose it is: what was never handed over has none. */
export const releaseReminder = (intent: IntentTx, row: Reminder, command: Intent<'release'>): Delivery =>
  insertFor(intent, row, noText, {
    delivery_state: 'queued',
    due_at: intent.at.getTime(),
    fence: 1,
    provider: null,
    idempotency_key: command.idempotencyKey,
  })

export function releaseDelivery({ tx, at }: IntentTx, row: Delivery): Delivery {
  const change = {
    recipient_email: row.recipient_email,
    recipient_phone: row.recipient_phone,
    subject: row.subject,
    message: row.message,
    template_revision: row.template_revision,
    provider: null,
    idempotency_key: row.idempotency_key,
    delivery_state: 'queued' as const,
    due_at: at.getTime(),
    fence: row.fence + 1,
    attempts: row.attempts,
    unknown_outcomes: row.unknown_outcomes,
    updated_at: at.getTime(),
  }
  tx.statements.deliveries.claim.run({ id: row.id, ...change })
  return { ...row, ...change }
}
