import { keys } from '../ports/rows/keys.ts'
import { type Command, each, type Found, type Read, type Rows, read } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { RetentionCommand, RetentionOutcome } from '../ports/storage/personal.ts'
import type { EntityId } from '../schemas/common.ts'
import type { RetentionKind } from '../schemas/retention.ts'
import { noAddress, noReminderTexts, noTexts } from './erase.ts'

/** The longest time in which a provider may report on a message that it accepted (WhatsApp): its address is needed for that. */
const reportsForMs = 30 * 24 * 3_600_000

type Subject = { readonly appointment_id: EntityId | null; readonly organization_id: string }

const planOf = ({ appointment_id, organization_id }: Subject) =>
  appointment_id === null ? null : { appointment_id, organization_id }

/** The appointment is still to come: its messages may be explained, answered and taken over by other channels. */
function isAhead(rows: Found, subject: Subject, at: Date): boolean {
  const of = planOf(subject)
  const plan = of === null ? undefined : rows.get(keys.plan, of)
  return plan !== undefined && plan.status === 'active' && plan.starts_at >= at.getTime()
}

/** Whether the time of a kind is over for what last changed then. */
const isPast = ({ before }: RetentionCommand, kind: RetentionKind, changedAt: number): boolean =>
  before[kind] !== undefined && changedAt < before[kind].getTime()

function messageKinds(rows: Found, command: RetentionCommand): RetentionKind[] {
  const row = rows.get(keys.delivery, { id: command.id })
  if (row === undefined || !isSettled(row) || isAhead(rows, row, command.at)) return []
  const { subject, message, snapshot, error_message } = row
  const hasTexts = message !== '' || [subject, snapshot, error_message].some((text) => text !== null)
  const hasAddress = [row.recipient_address, row.recipient_email, row.recipient_phone].some((one) => one !== null)
  const mayBeReported = row.status === 'SENT' || row.delivery_state === 'unknown'
  const isReported = !mayBeReported || row.updated_at + reportsForMs < command.at.getTime()
  const kinds: RetentionKind[] = []
  if (hasTexts && isPast(command, 'texts', row.updated_at)) kinds.push('texts')
  if (hasAddress && isReported && isPast(command, 'addresses', row.updated_at)) kinds.push('addresses')
  return kinds
}

/** Nothing more is tried: of one of unknown outcome neither, which waits for a report that may never come. */
const isSettled = ({ delivery_state: state, due_at, held_at }: Row<'notification_history'>): boolean =>
  (state === 'settled' || state === 'cancelled' || state === 'unknown') && due_at === null && held_at === null

function retainMessage(rows: Rows, command: RetentionCommand): RetentionOutcome {
  const kinds = messageKinds(rows, command)
  if (kinds.length === 0 || command.dryRun) return kinds
  rows.update('notification_history', command.id, {
    ...(kinds.includes('texts') ? noTexts : {}),
    ...(kinds.includes('addresses') ? noAddress : {}),
  })
  return kinds
}

function retainReminder(rows: Rows, command: RetentionCommand): RetentionOutcome {
  const row = rows.get(keys.reminder, { id: command.id })
  const isOver = row !== undefined && row.status !== 'PENDING' && row.starts_at < command.at.getTime()
  const holds = row !== undefined && [row.subject, row.message, row.error_message].some((text) => text !== null)
  if (!isOver || !holds || !isPast(command, 'texts', Math.max(row.updated_at, row.starts_at))) return []
  if (!command.dryRun) rows.update('appointment_reminders', row.id, noReminderTexts)
  return ['texts']
}

/** One that says whether something may be sent there stays. */
function retainAddress(rows: Rows, command: RetentionCommand): RetentionOutcome {
  const row = rows.get(keys.addressById, { id: command.id })
  if (row === undefined || row.suppressed_at !== null || row.lifted_at !== null || row.unknown_since !== null) return []
  if (!isPast(command, 'addresses', Math.max(row.updated_at, row.last_worked_at ?? 0))) return []
  if (!command.dryRun) rows.deleteBy('notification_addresses', { id: row.id })
  return ['addresses']
}

function retainDecision(rows: Rows, command: RetentionCommand): RetentionOutcome {
  const row = rows.get(keys.decision, { id: command.id })
  if (row === undefined || !isPast(command, 'decisions', row.at) || isAhead(rows, row, command.at)) return []
  if (!command.dryRun) rows.deleteBy('notification_decisions', { id: row.id })
  return ['decisions']
}

function retainAudit(rows: Rows, command: RetentionCommand): RetentionOutcome {
  const row = rows.get(keys.auditEntry, { id: command.id })
  if (row === undefined || !isPast(command, 'audit', row.at)) return []
  if (!command.dryRun) rows.deleteBy('notification_audit', { id: row.id })
  return ['audit']
}

/** What is for people to read, and nobody has dealt with, waits for so long at least. */
const attentionForMs = 30 * 24 * 3_600_000

function retainAnswer(rows: Rows, command: RetentionCommand): RetentionOutcome {
  const row = rows.get(keys.answer, { id: command.id })
  if (row === undefined || row.due_at !== null) return []
  const isRead = row.message === null || row.handled_at !== null
  if (!isRead && row.answered_at + attentionForMs >= command.at.getTime()) return []
  const hasTexts = row.message !== null || row.last_error !== null
  const kinds: RetentionKind[] = []
  if (hasTexts && isPast(command, 'texts', row.updated_at)) kinds.push('texts')
  if (row.address !== null && isPast(command, 'addresses', row.updated_at)) kinds.push('addresses')
  if (kinds.length === 0 || command.dryRun) return kinds
  rows.update('notification_answers', row.id, {
    ...(kinds.includes('texts') ? { message: null, last_error: null } : {}),
    ...(kinds.includes('addresses') ? { address: null } : {}),
  })
  return kinds
}

/** What staff have to decide stays until they did: nothing is sent to the address meanwhile. */
function retainInbound(rows: Rows, command: RetentionCommand): RetentionOutcome {
  const row = rows.get(keys.inboundById, { id: command.id })
  if (row === undefined || row.open_at !== null) return []
  const at = Math.max(row.received_at, row.decided_at ?? 0)
  if (isPast(command, 'addresses', at)) {
    if (!command.dryRun) rows.deleteBy('notification_inbound', { id: row.id })
    return row.text === null ? ['addresses'] : ['texts', 'addresses']
  }
  if (row.text === null || !isPast(command, 'texts', at)) return []
  if (!command.dryRun) rows.update('notification_inbound', row.id, { text: null })
  return ['texts']
}

const ways = {
  messages: { key: keys.delivery, lock: 'update', run: retainMessage },
  reminders: { key: keys.reminder, lock: 'update', run: retainReminder },
  addresses: { key: keys.addressById, lock: 'update', run: retainAddress },
  decisions: { key: keys.decision, lock: 'none', run: retainDecision },
  audit: { key: keys.auditEntry, lock: 'none', run: retainAudit },
  answers: { key: keys.answer, lock: 'update', run: retainAnswer },
  inbound: { key: keys.inboundById, lock: 'none', run: retainInbound },
} as const

function plansRead({ id, table }: RetentionCommand, found: Found): Read[] {
  if (table !== 'messages' && table !== 'decisions') return []
  const row = table === 'messages' ? found.get(keys.delivery, { id }) : found.get(keys.decision, { id })
  const of = row === undefined ? null : planOf(row)
  return of === null ? [] : [read(keys.plan, of, 'none')]
}

/** `PersonalCommands.retain`. What another transaction has waits for the next run. */
export const retentions: Command<RetentionCommand, RetentionOutcome> = {
  stages: [({ table, id, dryRun }) => [read(ways[table].key, { id }, dryRun ? 'none' : ways[table].lock)], plansRead],
  run: each((rows, command) => ways[command.table].run(rows, command)),
  held: { outcome: [], wait: 'never' },
}
