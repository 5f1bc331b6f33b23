import type { IdCodec } from '../ports/rows/ids.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Absence, type Read, type Rows, read, unassigned } from '../ports/rows/rows.ts'
import type { IntentCommand } from '../ports/storage/intents.ts'
import type { RecipientRef } from '../schemas/common.ts'

type Begun = Pick<Extract<IntentCommand, { kind: 'send' | 'hand_over' }>, 'budget' | 'guard'>

const personOf = (organization_id: string, { type, id }: RecipientRef, ids: IdCodec) => ({
  organization_id,
  recipient_type: type,
  recipient_id: ids('recipient', id),
})

/** Whose budget a command takes from; none where it has none. */
const personsOf = ({ budget, guard }: Begun, ids: IdCodec) =>
  budget == null ? [] : [personOf(guard.settings.organizationId, budget.recipient, ids)]

/** Locked, so that two workers do not both find the last message of a day left. */
export const budgetReads = (command: Begun, ids: IdCodec): Read[] =>
  personsOf(command, ids).map((of) => read(keys.budget, of))

export const budgetAbsences = (command: Begun, ids: IdCodec): Absence[] =>
  personsOf(command, ids).map((of) => ({ key: keys.budget, of, way: 'ends' }))

/** Whether the person gets one more message on the day. */
export function isWithinBudget(rows: Rows, command: Begun): boolean {
  const { budget } = command
  if (budget == null) return true
  const [row] = personsOf(command, rows.ids).map((of) => rows.get(keys.budget, of))
  return (row?.day === budget.day ? row.count : 0) < budget.most
}

/** Counts a message against the budget. A row is of one day: that of the last message. */
export function countInBudget(rows: Rows, command: Begun): void {
  const { budget } = command
  if (budget == null) return
  for (const of of personsOf(command, rows.ids)) {
    const row = rows.get(keys.budget, of)
    const { day } = budget
    if (row === undefined) rows.insert('notification_budgets', { id: unassigned, ...of, day, count: 1 })
    else rows.update('notification_budgets', row.id, { day, count: row.day === day ? row.count + 1 : 1 })
  }
}
