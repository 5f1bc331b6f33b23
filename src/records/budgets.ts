import { addDays } from '../domain/local-time.ts'
import type { IdCodec } from '../ports/rows/ids.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Absence, type Read, type Rows, read, unassigned } from '../ports/rows/rows.ts'
import type { IntentCommand } from '../ports/storage/intents.ts'

/** Whose budgets a command may take from, in their order, by the keys of their rows; none where it has none. */
const budgetsOf = (command: IntentCommand, ids: IdCodec) => {
  if (command.kind !== 'send' || command.budget == null) return []
  const { budget, guard } = command
  return [budget, ...(budget.others ?? [])].map(({ recipient: { type, id }, day, most }) => {
    const { organizationId: organization_id } = guard.settings
    return { day, most, of: { organization_id, recipient_type: type, recipient_id: ids('recipient', id) } }
  })
}

/** Locked, so that two workers do not both find the last message of a day left. */
export const budgetReads = (command: IntentCommand, ids: IdCodec): Read[] =>
  budgetsOf(command, ids).map(({ of }) => read(keys.budget, of))

export const budgetAbsences = (command: IntentCommand, ids: IdCodec): Absence[] =>
  budgetsOf(command, ids).map(({ of }) => ({ key: keys.budget, of, way: 'ends' }))

/** How many days apart clocks can be at most: from UTC-12 to UTC+14. */
const mostApart = 2

/**
 * The day that a message counts on. A row is of one day, which does not go back: for somebody whose zone is not known, the clocks of each
 * appointment count, and one abroad may be on the next day already.
 */
const countedOn = (row: { readonly day: string } | undefined, day: string): string =>
  row !== undefined && row.day > day && row.day <= addDays(`${day}T00:00:00`, mostApart).slice(0, 10) ? row.day : day

/** The first who gets one more message on the day. */
const withRoom = (rows: Rows, command: IntentCommand) =>
  budgetsOf(command, rows.ids).find(({ of, day, most }) => {
    const row = rows.get(keys.budget, of)
    return (row?.day === countedOn(row, day) ? row.count : 0) < most
  })

/** Whether any of those whom the message is for gets one more on the day. */
export const isWithinBudget = (rows: Rows, command: IntentCommand): boolean =>
  command.kind !== 'send' || command.budget == null || withRoom(rows, command) !== undefined

/** Counts a message against the budget. */
export function countInBudget(rows: Rows, command: IntentCommand): void {
  const found = withRoom(rows, command)
  if (found === undefined) return
  const { of } = found
  const row = rows.get(keys.budget, of)
  const day = countedOn(row, found.day)
  if (row === undefined) rows.insert('notification_budgets', { id: unassigned, ...of, day, count: 1 })
  else rows.update('notification_budgets', row.id, { day, count: row.day === day ? row.count + 1 : 1 })
}
