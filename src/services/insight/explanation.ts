import type { DecisionStore, DeliveryRow, ReminderRow } from '../../ports/storage.ts'
import type { Store } from '../../records/store.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import { ruleTable } from '../../schemas/rules.ts'
import type { AppointmentAnswer } from '../shared/views.ts'

/**
 * Actions shown in addition to decisions: what providers did; and for an appointment that was never reported (`unreported`), what
 * would be planned for it.
 */
export const explainedActions = ['bounced', 'warned', 'unreported', 'would_plan', 'would_skip'] as const

/** A line of an appointment's explanation. */
export type ExplanationLine = Omit<DecisionEntry, 'action' | 'rule'> & {
  /** When it was decided or happened. */
  readonly at: Date
  /** What was decided or happened. `warned` is not a decision: part of the row that the directory returns now is invalid. */
  readonly action: DecisionEntry['action'] | (typeof explainedActions)[number]
  /** The rule, for programs; null: it was no decision. */
  readonly rule: DecisionEntry['rule'] | null
  /** The rule as a sentence, for people. */
  readonly because: string
}

/** A page of an appointment's explanation, in order of time. */
export type ExplanationPage = {
  readonly decisions: readonly ExplanationLine[]
  /** What each recipient answered last, for the present start. */
  readonly answers: readonly AppointmentAnswer[]
  /** `cursor` of the next page; null on the last. */
  readonly nextCursor: string | null
}

/** Decisions as stored, with the outcome of each delivery, in order of time. */
export async function explainAppointment(
  storage: { readonly decisions: DecisionStore } & Pick<Store, 'deliveries' | 'reminders'>,
  organizationId: string,
  appointmentId: EntityId,
): Promise<ExplanationLine[]> {
  const [decisions, reminders, deliveries] = await Promise.all([
    storage.decisions.list(organizationId, appointmentId),
    storage.reminders.list(organizationId, appointmentId),
    storage.deliveries.list({ organizationId, appointmentId, limit: 1000, offset: 0 }),
  ])
  // The row of a reminder is written with the decision to plan it, at the same instant.
  const rowsOf = Map.groupBy(reminders, (row) => plannedKey(row, row.createdAt))
  const decided = decisions.flatMap(({ at, entries }) =>
    entries.map((entry): ExplanationLine => {
      const rows = (entry.action === 'planned' && rowsOf.get(plannedKey(entry, at))) || []
      const row = rows.find(({ reminderTime }) => reminderTime.toISOString() === entry.for) ?? rows[0]
      return { at, ...(row === undefined ? {} : { reminderId: row.id }), ...entry, because: ruleTable[entry.rule] }
    }),
  )
  const offsetOf = new Map(decided.map(({ reminderId, offset }) => [reminderId, offset]))
  const shown = new Set(
    decided.map(({ notificationId, action, rule }) => `${notificationId} ${outcomeOf(action, rule)}`),
  )
  const outcomes = deliveries.rows.flatMap((row) => {
    const offset = row.reminderId === null ? undefined : offsetOf.get(row.reminderId)
    return outcomesOf(row)
      .filter(({ action }) => !shown.has(`${row.id} ${action}`))
      .map((line): ExplanationLine => (offset === undefined ? line : { ...line, offset }))
  })
  // Stable: a decision and its result in the same millisecond stay in this order.
  return [...decided, ...outcomes].sort((one, other) => one.at.getTime() - other.at.getTime())
}

const plannedKey = (
  { recipient, channel, offset }: Partial<Pick<ReminderRow, 'recipient' | 'channel' | 'offset'>>,
  at: Date,
) => JSON.stringify([recipient?.type, recipient?.id, channel, offset, at.getTime()])

/** The line of an outcome that a decision stands for: a report that was received says it with its own time and rule. */
const outcomeOf = (action: ExplanationLine['action'], rule: ExplanationLine['rule']) =>
  rule === 'reported_bounced' ? 'bounced' : rule === 'reported_read' ? 'delivered' : action

/** What the row itself says became of it. */
function outcomesOf(row: DeliveryRow): ExplanationLine[] {
  const { recipient, channel, category, id: notificationId, reminderId } = row
  const about = { category, recipient, channel, notificationId, ...(reminderId === null ? {} : { reminderId }) }
  const lines: ExplanationLine[] = []
  if (row.sentAt !== null) {
    lines.push({ at: row.sentAt, action: 'sent', rule: null, because: `accepted by ${row.provider}`, ...about })
  }
  if (row.deliveredAt !== null) {
    lines.push({ at: row.deliveredAt, action: 'delivered', rule: null, because: 'confirmed by the provider', ...about })
  }
  if (row.status === 'BOUNCED') {
    lines.push({ at: row.updatedAt, action: 'bounced', rule: null, because: 'returned by the provider', ...about })
  }
  return lines
}
