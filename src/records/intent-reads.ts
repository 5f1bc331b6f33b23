/** What the commit of an intent reads and locks, in the order in which it does so. */
import type { IdCodec } from '../ports/rows/ids.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Absence, type Found, type Read, read, readThrough } from '../ports/rows/rows.ts'
import type { Companion, IntentCommand, IntentGuard, Work } from '../ports/storage/intents.ts'
import { standingReads } from './addresses.ts'
import type { Intent, Reminder } from './begun.ts'
import { budgetAbsences, budgetReads } from './budgets.ts'
import { guardAbsences, guardReads } from './guard.ts'
import { countersOf } from './meters.ts'

/** A delivery that ends, and what takes its place. A reminder that fails has its delivery by then, one that is cancelled has none. */
export const fallingOf = (command: IntentCommand) => ({
  id: command.work.id,
  fallback:
    (command.work.kind === 'delivery' || command.kind === 'fail') && 'fallback' in command ? command.fallback : null,
})

/** The delivery of a reminder that is not over. */
export const waitedFor = (reminder: Reminder | undefined): number | null =>
  reminder?.status === 'PENDING' ? reminder.notification_id : null

export const isGuarded = (command: IntentCommand): command is Intent<'send' | 'hand_over'> =>
  command.kind === 'send' || command.kind === 'hand_over'

/** The reminders of other appointments that go out in the same message. */
export const togetherOf = (command: IntentCommand): readonly Companion[] =>
  command.kind === 'send' ? (command.together ?? []) : []

const worksOf = (command: IntentCommand): readonly Work[] => [
  command.work,
  ...(isGuarded(command) ? command.merged.map(({ work }) => work) : []),
  ...togetherOf(command).map(({ work }) => work),
]

const guardsIn = (command: Intent<'send' | 'hand_over'>): readonly IntentGuard[] => [
  command.guard,
  ...togetherOf(command).map(({ guard }) => guard),
]

const planOf = ({ organizationId, appointmentId }: NonNullable<IntentGuard['plan']>, ids: IdCodec) => ({
  appointment_id: ids('appointment', appointmentId),
  organization_id: organizationId,
})

export function guardsOf(command: IntentCommand, at: Date, ids: IdCodec): Read[] {
  if (!isGuarded(command)) return []
  const guards = guardsIn(command)
  return [
    ...guards.flatMap((guard) => guardReads(guard, ids)),
    // No lock guards one without a row: what is said against it in the very moment of the commit counts as said after it.
    ...guards.flatMap(({ address }) => (address === null ? [] : standingReads(address))),
    ...guards.flatMap(({ plan }) => (plan === null ? [] : [read(keys.planRevision, planOf(plan, ids), 'share')])),
    ...budgetReads(command, ids),
    ...countersOf(command, at).map((counter) => read(keys.counter, counter, 'none')),
  ]
}

export function absencesOf(command: IntentCommand, at: Date, ids: IdCodec): Absence[] {
  if (!isGuarded(command)) return []
  const absences = guardsIn(command).flatMap((guard) => [
    ...guardAbsences(guard, ids),
    ...(guard.plan?.revision === 0
      ? [{ key: keys.planRevision, of: planOf(guard.plan, ids), way: 'relies' } as const]
      : []),
  ])
  // Who begins more messages of an organization that has a cap, or by an account that has a limit, does so alone.
  const counted = countersOf(command, at).map((of): Absence => ({ key: keys.counter, of, way: 'ends' }))
  return [...absences, ...budgetAbsences(command, ids), ...counted]
}

export const remindersOf = (command: IntentCommand): Read[] =>
  worksOf(command).map(({ kind, id }) =>
    kind === 'reminder'
      ? read(keys.reminder, { id })
      : readThrough(keys.reminder, keys.delivery, 'reminder_id', { id }),
  )

export function deliveriesOf(command: IntentCommand, found: Found): Read[] {
  const ids = worksOf(command).map(({ kind, id }) =>
    kind === 'delivery' ? id : waitedFor(found.get(keys.reminder, { id })),
  )
  return ids.flatMap((id) => (id === null ? [] : [read(keys.delivery, { id })]))
}
