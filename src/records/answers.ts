import type { IdCodec } from '../ports/rows/ids.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Command, each, type Read, type Rows, read, unassigned } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type {
  AnswerCommand,
  AnswerOutcome,
  AnswerRow,
  HookClaim,
  HookResult,
  ReplyCommand,
} from '../ports/storage/answers.ts'
import { type Actor, systemActor } from '../schemas/audit.ts'
import type { DecisionEntry } from '../schemas/decision.ts'
import { appendAudit } from './audit.ts'
import { decodeAnswer, encodeRecipient } from './codecs/answers.ts'
import { encodeActor } from './codecs/audit.ts'
import { decodeAnswers, encodeAnswers } from './codecs/plans.ts'
import { appendDecision } from './decisions.ts'

type Stored = Row<'notification_answers'>

const planOf = ({ appointmentId, organizationId }: AnswerCommand, ids: IdCodec) => ({
  appointment_id: ids('appointment', appointmentId),
  organization_id: organizationId,
})

/** Ids of two providers may be the same word. */
const messageIdOf = ({ channel, messageId }: Pick<AnswerCommand, 'channel' | 'messageId'>): string | null =>
  messageId === null ? null : `${channel}:${messageId}`

export const readBefore = (command: Pick<AnswerCommand, 'channel' | 'messageId'>): Read =>
  read(keys.answerOfMessage, { message_id: messageIdOf(command) }, 'none')

const newRow = (at: Date, notifies: boolean, known: Partial<Stored> & Pick<Stored, 'kind' | 'via'>): Stored => ({
  id: unassigned,
  organization_id: null,
  appointment_id: null,
  recipient_type: null,
  recipient_id: null,
  channel: null,
  address: null,
  message: null,
  message_id: null,
  candidates: null,
  starts_at: null,
  answered_at: at.getTime(),
  ...encodeActor(systemActor),
  due_at: notifies ? at.getTime() : null,
  attempts: 0,
  last_error: null,
  delivered_at: null,
  handled_at: null,
  created_at: at.getTime(),
  updated_at: at.getTime(),
  ...known,
})

const rules = { confirm: 'answered_confirm', change: 'answered_change', cancel: 'answered_cancel' } as const

/** The last answer of each recipient counts, for the start it was given for. The plan is another by it: what rests on it is decided anew. */
function record(rows: Rows, command: AnswerCommand): AnswerOutcome {
  const { organizationId, recipient, action, via, channel, address, startsAt, at, by } = command
  if (rows.get(keys.answerOfMessage, { message_id: messageIdOf(command) }) !== undefined) return { status: 'repeated' }
  const of = planOf(command, rows.ids)
  const plan = rows.get(keys.plan, of)
  const id = rows.ids('recipient', recipient.id)
  const isThis = (other: { readonly type: string; readonly id: number | string }) =>
    other.type === recipient.type && String(other.id) === String(id)
  const recipients: readonly { readonly type: string; readonly id: number | string }[] =
    plan === undefined ? [] : JSON.parse(plan.recipients)
  if (plan === undefined || !recipients.some(isThis)) return { status: 'unknown' }
  if (plan.status === 'cancelled') return { status: 'cancelled' }
  if (startsAt !== null && plan.starts_at !== startsAt.getTime()) return { status: 'moved' }
  if (plan.starts_at <= at.getTime()) return { status: 'over' }
  const answers = decodeAnswers(plan)
  if (answers.some((one) => isThis(one.recipient) && one.action === action)) return { status: 'repeated' }
  const others = answers.filter((one) => !isThis(one.recipient))
  rows.update('reminder_plans', plan.id, {
    answers: encodeAnswers([...others, { recipient: { type: recipient.type, id }, action, via, at }], plan.starts_at),
    revision: plan.revision + 1,
    updated_at: at.getTime(),
  })
  const row = newRow(at, command.notifies, {
    ...of,
    ...encodeRecipient(rows.ids, recipient),
    ...encodeActor(by),
    kind: action,
    via,
    channel,
    address,
    message_id: messageIdOf(command),
    starts_at: plan.starts_at,
  })
  const answerId = rows.insert('notification_answers', row)
  const about = { organizationId, appointmentId: of.appointment_id, waitlistEntryId: null }
  const entry: DecisionEntry = {
    action: 'answered',
    rule: rules[action],
    category: 'REMINDER',
    recipient: { type: recipient.type, id },
    ...(channel === null ? {} : { channel }),
    detail: `by ${via}`,
  }
  appendDecision(rows, about, [entry], at)
  const target = { type: 'appointment', id: String(of.appointment_id) } as const
  const detail = { outcome: action, reason: via, ...(channel === null ? {} : { channel }) }
  appendAudit(rows, { organizationId, at, actor: by, action: 'answer.recorded', target, detail })
  return { status: 'recorded', id: answerId }
}

/** `AnswerStore.record`. */
export const answers: Command<AnswerCommand, AnswerOutcome> = {
  stages: [(command, { ids }) => [read(keys.plan, planOf(command, ids))], (command) => [readBefore(command)]],
  inserts: () => [['notification_answers', 1]],
  run: each(record),
  held: null,
}

/** False: it was kept before. The command that calls it reads `readBefore` and inserts a row. */
export function keepReply(rows: Rows, command: ReplyCommand): boolean {
  const row = newRow(command.at, command.notifies, {
    organization_id: command.organizationId,
    ...encodeRecipient(rows.ids, command.recipient),
    kind: command.about,
    via: 'reply',
    channel: command.channel,
    address: command.address,
    message: command.text,
    message_id: messageIdOf(command),
    candidates: command.candidates.length === 0 ? null : JSON.stringify(command.candidates),
  })
  return rows.insertNew(keys.answerOfMessage, row) !== null
}

/** `AnswerStore.keepReply`. */
export const replies: Command<ReplyCommand, boolean> = {
  stages: [(command) => [readBefore(command)]],
  inserts: () => [['notification_answers', 1]],
  run: each(keepReply),
  held: null,
}

/** `AnswerStore.claimHook`. */
export const hookClaims: Command<HookClaim, boolean> = {
  stages: [({ id }) => [read(keys.answer, { id })]],
  run: each((rows, { id, dueAt, until }) => {
    const row = rows.get(keys.answer, { id })
    if (row === undefined || row.due_at !== dueAt.getTime()) return false
    rows.update('notification_answers', id, { due_at: until.getTime(), attempts: row.attempts + 1 })
    return true
  }),
  held: { outcome: false, wait: 'never' },
}

/** The first failure is a decision, and what ends the failures too; those between are counted in the row. */
function settle(rows: Rows, { id, until, fault, at }: HookResult): boolean {
  const row = rows.get(keys.answer, { id })
  if (row === undefined || row.due_at !== until.getTime()) return false
  rows.update('notification_answers', id, {
    due_at: fault?.retryAt.getTime() ?? null,
    last_error: fault?.error ?? null,
    delivered_at: fault === null ? at.getTime() : null,
    updated_at: at.getTime(),
  })
  const isNews = fault === null || row.last_error === null
  const { organization_id: organizationId, appointment_id: appointmentId } = row
  if (!isNews || organizationId === null || appointmentId === null) return true
  const { recipient } = decodeAnswer(row)
  const entry: DecisionEntry = {
    action: 'passed_on',
    rule: fault === null ? 'hook_called' : 'hook_failed',
    category: 'REMINDER',
    ...(recipient === null ? {} : { recipient }),
    detail: fault === null ? row.kind : `${row.kind}: ${fault.error}`,
  }
  appendDecision(rows, { organizationId, appointmentId, waitlistEntryId: null }, [entry], at)
  return true
}

/** `AnswerStore.settleHook`. */
export const hookResults: Command<HookResult, boolean> = {
  stages: [({ id }) => [read(keys.answer, { id })]],
  run: each(settle),
  held: null,
}

export type Handling = {
  readonly id: number
  readonly organizationId: string | null
  readonly at: Date
  readonly by: Actor
}

/** `AnswerStore.handle`. */
export const handlings: Command<Handling, AnswerRow | null> = {
  stages: [({ id }) => [read(keys.answer, { id })]],
  run: each((rows, { id, organizationId, at, by }) => {
    const row = rows.get(keys.answer, { id })
    if (row === undefined || (organizationId !== null && row.organization_id !== organizationId)) return null
    if (row.handled_at !== null) return decodeAnswer(row)
    const change = { handled_at: at.getTime(), updated_at: at.getTime() }
    rows.update('notification_answers', id, change)
    if (row.organization_id !== null) {
      const { appointment_id: appointmentId } = row
      const target = appointmentId === null ? null : ({ type: 'appointment', id: String(appointmentId) } as const)
      const detail = { outcome: row.kind }
      appendAudit(rows, {
        organizationId: row.organization_id,
        at,
        actor: by,
        action: 'answer.handled',
        target,
        detail,
      })
    }
    return decodeAnswer({ ...row, ...change })
  }),
  held: null,
}
