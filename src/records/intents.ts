import { isInDoubt } from '../domain/transitions.ts'
import { keys } from '../ports/rows/keys.ts'
import type { Command, Rows } from '../ports/rows/rows.ts'
import type { Ask } from '../ports/storage/delivery-rows.ts'
import type { Work as DueWork, IntentCommand, IntentOutcome } from '../ports/storage/intents.ts'
import {
  claimReminder,
  type Delivery,
  failReminder,
  handOverDelivery,
  handOverReminder,
  type Intent,
  type Reminder,
  releaseDelivery,
  releaseReminder,
  type Work,
} from './begun.ts'
import { countInBudget, isWithinBudget } from './budgets.ts'
import { cancelDelivery, cancelReminder, finishReminder, wait } from './cancel.ts'
import { decodeDelivery, encodeAsk, encodeCalendar, encodeContent } from './codecs/deliveries.ts'
import { countedAs, createTally } from './counters.ts'
import { appendDecision } from './decisions.ts'
import { fallBack, fallbackInserts, fallbackStages } from './fallback.ts'
import { guardCheck } from './guard.ts'
import { absencesOf, deliveriesOf, fallingOf, guardsOf, remindersOf, togetherOf, waitedFor } from './intent-reads.ts'
import { countBegun, createMeter } from './meters.ts'

const lost: IntentOutcome = { status: 'lost' }
const done = (delivery: Delivery | null): IntentOutcome => ({
  status: 'committed',
  delivery: delivery === null ? null : decodeDelivery(delivery),
})

type Found =
  | { readonly kind: 'reminder'; readonly row: Reminder }
  | { readonly kind: 'delivery'; readonly row: Delivery }

/** What may be decided of work that waits for a decision. */
const decisions: ReadonlySet<IntentCommand['kind']> = new Set(['resume', 'cancel', 'hold'])

/** An expired lease leaves the outcome unknown; it is counted, since the state is overwritten. */
const unknownOutcomes = (row: Delivery): number => row.unknown_outcomes + (row.delivery_state === 'sending' ? 1 : 0)

/** The work, if it can still be claimed: a reminder that waits, a queued delivery, or one whose worker is gone. */
function available({ rows }: Work, work: DueWork, kind: IntentCommand['kind']): Found | undefined {
  const isOpen = (row: Pick<Delivery, 'due_at' | 'held_at'>) =>
    row.held_at === null ? row.due_at !== null && kind !== 'resume' : decisions.has(kind)
  if (work.kind === 'reminder') {
    const row = rows.get(keys.reminder, { id: work.id })
    return row?.status === 'PENDING' && isOpen(row) ? { kind: 'reminder', row } : undefined
  }
  const row = rows.get(keys.delivery, { id: work.id })
  if (row === undefined || row.fence !== work.fence || !isOpen(row)) return undefined
  const isSilent = row.delivery_state === 'sending' && row.due_at === work.heldUntil?.getTime()
  const free = row.delivery_state === 'queued' || isSilent
  return free ? { kind: 'delivery', row } : undefined
}

function cancel(intent: Work, found: Found, rule: Intent<'cancel'>['rule']) {
  const { rows, at, tally } = intent
  if (found.kind === 'reminder') {
    cancelReminder(rows, found.row, rule, at, tally)
    return
  }
  cancelDelivery(rows, found.row, rule, at, tally)
  if (found.row.reminder_id === null) return
  const reminder = rows.get(keys.reminder, { id: found.row.reminder_id })
  // One that waits for another delivery stays with that.
  const isOfThis = (reminder?.notification_id ?? found.row.id) === found.row.id
  if (reminder?.status === 'PENDING' && isOfThis) cancelReminder(rows, reminder, rule, at, tally)
}

function claimDelivery({ rows, at }: Work, row: Delivery, command: Intent<'send'>): Delivery {
  const { content } = command
  const change = {
    ...encodeContent(content),
    provider: command.provider,
    account_id: command.accountId ?? null,
    ...encodeAsk(command.ask ?? null),
    ...(command.calendar === undefined ? {} : encodeCalendar(command.calendar)),
    idempotency_key: command.idempotencyKey,
    delivery_state: 'sending' as const,
    due_at: command.leaseUntil.getTime(),
    fence: command.fence,
    attempts: row.attempts + 1,
    // The outcome of the previous worker's attempt is unknown.
    unknown_outcomes: unknownOutcomes(row),
    // What was reported is about the attempts before this one.
    delivery_detail: null,
    sent_with: null,
    updated_at: at.getTime(),
  }
  rows.update('notification_history', row.id, change)
  if (row.reminder_id !== null) {
    const { subject, message, updated_at } = change
    rows.update('appointment_reminders', row.reminder_id, { subject, message, updated_at })
  }
  return { ...row, ...change }
}

const claimFound = (work: Work, found: Found, command: Intent<'send'>): Delivery =>
  found.kind === 'reminder' ? claimReminder(work, found.row, command) : claimDelivery(work, found.row, command)

/** Claims the message and what goes out in it: each knows the delivery by which it does. */
function claimTogether(
  work: Work,
  found: Found,
  command: Intent<'send'>,
  others: readonly { readonly found: Found; readonly ask: Ask | undefined }[],
): IntentOutcome {
  const { ask: _, ...message } = command
  const first = claimFound(work, found, command)
  const rest = others.map(({ found, ask }) =>
    claimFound(work, found, ask === undefined ? message : { ...message, ask }),
  )
  const [delivery = null, ...together] = [first, ...rest].map((row) => {
    const change = { sent_with: first.id }
    work.rows.update('notification_history', row.id, change)
    return decodeDelivery({ ...row, ...change })
  })
  return { status: 'committed', delivery, together }
}

/** An attempt that the account refused is not counted, but the message was: also one that it went out in before. */
const isUncounted = ({ kind, row }: Found): boolean =>
  kind === 'reminder' || (row.attempts === 0 && row.provider === null)

/** Commits only if the guards hold and all work that it takes is still available; else the work is lost, and decided again. */
function claim(
  intent: Work,
  found: Found,
  command: Intent<'send' | 'hand_over'>,
  write: () => Delivery,
): IntentOutcome {
  if (found.kind === 'delivery' && found.row.erased_at !== null) {
    cancel(intent, found, 'recipient_deleted')
    return lost
  }
  if (!intent.guard(command.guard)) return lost
  const merged: { found: Found; rule: Intent<'cancel'>['rule'] }[] = []
  for (const { work, rule } of command.merged) {
    const other = available(intent, work, 'send')
    if (other === undefined) return lost
    merged.push({ found: other, rule })
  }
  const together: { found: Found; ask: Ask | undefined }[] = []
  for (const { work, guard, ask } of togetherOf(command)) {
    const other = available(intent, work, 'send')
    if (other === undefined || !intent.guard(guard)) return lost
    if (other.kind === 'delivery' && other.row.erased_at !== null) {
      cancel(intent, other, 'recipient_deleted')
      return lost
    }
    together.push({ found: other, ask })
  }
  const isFirst = [found, ...together.map((other) => other.found)].every(isUncounted)
  if (isFirst && !isWithinBudget(intent.rows, command)) return { status: 'spent' }
  const over = countBegun(intent.meter, command, intent.at, isFirst)
  if (over !== null) return { status: over }
  if (isFirst) countInBudget(intent.rows, command)
  for (const other of merged) cancel(intent, other.found, other.rule)
  return command.kind === 'send' && together.length > 0
    ? claimTogether(intent, found, command, together)
    : done(write())
}

function defer({ rows, at }: Work, found: Found, { until, waitingFor = [] }: Intent<'defer'>): IntentOutcome {
  wait(rows, waitingFor, found.kind, found.row, until)
  const change = { due_at: until.getTime(), updated_at: at.getTime() }
  if (found.kind === 'reminder') {
    rows.update('appointment_reminders', found.row.id, change)
    return done(null)
  }
  const deferred = { ...change, delivery_state: 'queued' as const, unknown_outcomes: unknownOutcomes(found.row) }
  rows.update('notification_history', found.row.id, deferred)
  return done({ ...found.row, ...deferred })
}

/** Due never, until somebody decides; or due at once, since somebody decided. */
function suspend({ rows, at }: Work, found: Found, isHeld: boolean): IntentOutcome {
  const now = at.getTime()
  const change = { due_at: isHeld ? null : now, held_at: isHeld ? now : null, updated_at: now }
  if (found.kind === 'reminder') {
    rows.update('appointment_reminders', found.row.id, change)
    return done(null)
  }
  const suspended = { ...change, delivery_state: 'queued' as const, unknown_outcomes: unknownOutcomes(found.row) }
  rows.update('notification_history', found.row.id, suspended)
  return done({ ...found.row, ...suspended })
}

/** Given up without an attempt (FAILED), or held because nobody knows what became of the last one. */
function giveUp({ rows, at, tally }: Work, row: Delivery, command: Intent<'fail'> | Intent<'hold'>): IntentOutcome {
  const failed = command.kind === 'fail'
  const change = {
    status: failed ? ('FAILED' as const) : null,
    delivery_state: failed ? ('settled' as const) : ('unknown' as const),
    due_at: null,
    error_code: command.code,
    error_message: command.message,
    updated_at: at.getTime(),
  }
  rows.update('notification_history', row.id, change)
  if (row.reminder_id !== null) finishReminder(rows, row.reminder_id, 'FAILED', command.message, at)
  tally.add(countedAs(row), failed ? 'FAILED' : 'UNKNOWN', at)
  return done({ ...row, ...change })
}

function decide(intent: Work, found: Found, command: IntentCommand): IntentOutcome {
  switch (command.kind) {
    case 'send':
      return claim(intent, found, command, () => claimFound(intent, found, command))
    case 'hand_over':
      return claim(intent, found, command, () =>
        found.kind === 'reminder'
          ? handOverReminder(intent, found.row, command)
          : handOverDelivery(intent, found.row, command),
      )
    case 'release':
      return done(
        found.kind === 'reminder' ? releaseReminder(intent, found.row, command) : releaseDelivery(intent, found.row),
      )
    case 'cancel':
      cancel(intent, found, command.rule)
      return done(null)
    case 'defer':
      return defer(intent, found, command)
    case 'suspend':
      return suspend(intent, found, true)
    case 'resume':
      return suspend(intent, found, false)
    case 'fail':
      return found.kind === 'reminder'
        ? done(failReminder(intent, found.row, command))
        : giveUp(intent, found.row, command)
    case 'hold': {
      // There is no outcome to hold of a reminder that waits, nor of a delivery whose worker gave it back meanwhile, unsent.
      if (found.kind === 'reminder') return lost
      const { delivery_state: state, unknown_outcomes: unknownOutcomes } = found.row
      return isInDoubt({ state, unknownOutcomes }) ? giveUp(intent, found.row, command) : lost
    }
  }
}

/** The delivery that this very command claimed before, if the answer to its commit was lost and it is asked again. */
function madeBefore({ rows }: Work, { kind, work, ...command }: IntentCommand): Delivery | undefined {
  if (kind !== 'send' || !('fence' in command)) return undefined
  const id = work.kind === 'delivery' ? work.id : waitedFor(rows.get(keys.reminder, { id: work.id }))
  const row = id === null ? undefined : rows.get(keys.delivery, { id })
  return row?.delivery_state === 'sending' && row.fence === command.fence ? row : undefined
}

function commitIntent(intent: Work, command: IntentCommand): IntentOutcome {
  const found = available(intent, command.work, command.kind)
  if (found === undefined) {
    const made = madeBefore(intent, command)
    if (made === undefined) return lost
    const together = togetherOf(command).flatMap(({ work }) => madeBefore(intent, { ...command, work }) ?? [])
    const delivery = decodeDelivery(made)
    return together.length === 0
      ? { status: 'committed', delivery }
      : { status: 'committed', delivery, together: together.map(decodeDelivery) }
  }
  const outcome = decide(intent, found, command)
  if (outcome.status === 'committed') {
    const { entries } = command.decision
    const { delivery } = outcome
    const isNew = command.work.kind === 'reminder'
    const falling = fallingOf(command)
    const failed = isNew && delivery !== null ? { ...falling, id: delivery.id } : falling
    const next = fallBack(intent.rows, failed, intent.at, intent.tally, isNew ? 'new' : 'failure')
    appendDecision(intent.rows, command.decision, [...entries, ...next], intent.at)
    for (const { decision } of togetherOf(command)) {
      appendDecision(intent.rows, decision, decision.entries, intent.at)
    }
  }
  return outcome
}

/** Of a reminder: a delivery that waits has its row already. */
const makesDelivery: ReadonlySet<string> = new Set(['send', 'fail', 'hand_over', 'release'])

/** `DeliveryStore.commitIntents`. */
export const intents = (at: Date): Command<IntentCommand, IntentOutcome> => ({
  absences: (command, ids) => absencesOf(command, at, ids),
  stages: [
    (command, { ids }) => guardsOf(command, at, ids),
    remindersOf,
    deliveriesOf,
    (command, found) => (command.work.kind === 'reminder' ? [] : fallbackStages[1](fallingOf(command), found)),
    (command, found) => (command.work.kind === 'reminder' ? [] : fallbackStages[2](fallingOf(command), found)),
  ],
  inserts: (command) => [
    ['notification_history', (makesDelivery.has(command.kind) ? 1 : 0) + togetherOf(command).length],
    ['notification_budgets', command.kind === 'send' && command.budget != null ? 1 : 0],
    ...fallbackInserts(fallingOf(command)),
  ],
  run: (rows, commands) => commitIntents(rows, commands, at),
  held: { outcome: { status: 'held' }, wait: 'never' },
})

function commitIntents(rows: Rows, commands: readonly IntentCommand[], at: Date): IntentOutcome[] {
  const tally = createTally()
  const intent = { rows, at, tally, guard: guardCheck(rows), meter: createMeter(rows, at, tally) }
  const outcomes = commands.map((command) => commitIntent(intent, command))
  tally.write(rows)
  return outcomes
}
