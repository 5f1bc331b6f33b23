import { type IntentCommand, type IntentOutcome, isInDoubt, type Work } from '../../../../src/index.ts'
import { decodeDelivery, encodeContent } from '../codecs/deliveries.ts'
import { cancelDelivery, cancelReminder, withdraw } from './cancel.ts'
import { countedAs, createTally } from './counters.ts'
import { appendDecision } from './decisions.ts'
import { guardCheck } from './guard.ts'
import { handOverDelivery, handOverReminder, releaseDelivery, releaseReminder } from './hand-over.ts'
import type { Delivery, Intent, IntentTx, Reminder } from './intent-types.ts'
import { createMeter } from './meter.ts'
import { claimReminder, failReminder } from './reminder-intents.ts'
import type { Tx } from './tx.ts'
import { wait } from './wait.ts'

const lost: IntentOutcome = { status: 'lost' }
const capped: IntentOutcome = { status: 'capped' }
const done = (delivery: Delivery | null): IntentOutcome => ({
  status: 'committed',
  delivery: delivery === null ? null : decodeDelivery(delivery),
})

type Found =
  | { readonly kind: 'reminder'; readonly row: Reminder }
  | { readonly kind: 'delivery'; readonly row: Delivery }

/** What may be decided of work that waits for a decision. */
const decisions: ReadonlySet<IntentCommand['kind']> = new Set(['resume', 'cancel', 'hold'])

/** The work, if it can still be had: a reminder that waits, a queued delivery, or one whose holder was not heard of since. */
function available({ tx }: IntentTx, work: Work, kind: IntentCommand['kind']): Found | undefined {
  const isOpen = (row: Pick<Delivery, 'due_at' | 'held_at'>) =>
    row.held_at === null ? row.due_at !== null && kind !== 'resume' : decisions.has(kind)
  if (work.kind === 'reminder') {
    const row = tx.statements.reminders.get.get({ id: work.id })
    return row?.status === 'PENDING' && isOpen(row) ? { kind: 'reminder', row } : undefined
  }
  const row = tx.statements.deliveries.get.get({ id: work.id })
  if (row === undefined || row.fence !== work.fence || !isOpen(row)) return undefined
  const isSilent = row.delivery_state === 'sending' && row.due_at === work.heldUntil?.getTime()
  const free = row.delivery_state === 'queued' || isSilent
  return free ? { kind: 'delivery', row } : undefined
}

function cancel(intent: IntentTx, found: Found, rule: Intent<'cancel'>['rule']) {
  const { tx, at, tally } = intent
  if (found.kind === 'reminder') {
    cancelReminder(tx, found.row, rule, at, tally)
    return
  }
  cancelDelivery(tx, found.row, rule, at, tally)
  if (found.row.reminder_id === null) return
  const reminder = tx.statements.reminders.get.get({ id: found.row.reminder_id })
  if (reminder?.status === 'PENDING') withdraw(tx, reminder, rule, at, tally)
}

function claimDelivery({ tx, at }: IntentTx, row: Delivery, command: Intent<'send'>): Delivery {
  const { content } = command
  const change = {
    ...encodeContent(content),
    provider: command.provider,
    idempotency_key: command.idempotencyKey,
    delivery_state: 'sending' as const,
    due_at: command.leaseUntil.getTime(),
    fence: command.fence,
    attempts: row.attempts + 1,
    // What became of the attempt of the holder before, nobody knows.
    unknown_outcomes: row.unknown_outcomes + (row.delivery_state === 'sending' ? 1 : 0),
    updated_at: at.getTime(),
  }
  tx.statements.deliveries.claim.run({ id: row.id, ...change })
  if (row.reminder_id !== null) {
    const { subject, message, updated_at } = change
    tx.statements.reminders.text.run({ id: row.reminder_id, subject, message, updated_at })
  }
  return { ...row, ...change }
}

/** All that the decision rested on must stand, what it merges too: else it is decided anew from what is there now. */
function claim(
  intent: IntentTx,
  found: Found,
  command: Intent<'send' | 'hand_over'>,
  write: () => Delivery,
): IntentOutcome {
  if (!intent.guard(command.guard)) return lost
  const merged: { found: Found; rule: Intent<'cancel'>['rule'] }[] = []
  for (const { work, rule } of command.merged) {
    const other = available(intent, work, 'send')
    if (other === undefined) return lost
    merged.push({ found: other, rule })
  }
  const isFirst = found.kind === 'reminder' || found.row.attempts === 0
  if (command.cap !== null && isFirst && !intent.meter(command.guard.settings.organizationId, command.cap))
    return capped
  for (const other of merged) cancel(intent, other.found, other.rule)
  return done(write())
}

function defer({ tx, at }: IntentTx, found: Found, { until, waitingFor = null }: Intent<'defer'>): IntentOutcome {
  if (waitingFor !== null) wait(tx, waitingFor, found.kind, found.row, until)
  const change = { due_at: until.getTime(), updated_at: at.getTime() }
  if (found.kind === 'reminder') {
    tx.statements.reminders.defer.run({ id: found.row.id, ...change })
    return done(null)
  }
  // A lease that ran out says nothing about the message: that must not be forgotten with the state.
  const unknown_outcomes = found.row.unknown_outcomes + (found.row.delivery_state === 'sending' ? 1 : 0)
  const deferred = { ...change, delivery_state: 'queued' as const, unknown_outcomes }
  tx.statements.deliveries.defer.run({ id: found.row.id, ...deferred })
  return done({ ...found.row, ...deferred })
}

/** Due never, until somebody decides; or due at once, since somebody decided. */
function suspend({ tx, at }: IntentTx, found: Found, isHeld: boolean): IntentOutcome {
  const now = at.getTime()
  const change = { due_at: isHeld ? null : now, held_at: isHeld ? now : null, updated_at: now }
  if (found.kind === 'reminder') {
    tx.statements.reminders.suspend.run({ id: found.row.id, ...change })
    return done(null)
  }
  const unknown_outcomes = found.row.unknown_outcomes + (found.row.delivery_state === 'sending' ? 1 : 0)
  const suspended = { ...change, delivery_state: 'queued' as const, unknown_outcomes }
  tx.statements.deliveries.suspend.run({ id: found.row.id, ...suspended })
  return done({ ...found.row, ...suspended })
}

/** Given up without an attempt (FAILED), or held because nobody knows what became of the last one. */
function giveUp({ tx, at, tally }: IntentTx, row: Delivery, command: Intent<'fail'> | Intent<'hold'>): IntentOutcome {
  const failed = command.kind === 'fail'
  const change = {
    status: failed ? ('FAILED' as const) : null,
    delivery_state: failed ? ('settled' as const) : ('unknown' as const),
    due_at: null,
    error_code: command.code,
    error_message: command.message,
    attempts: row.attempts,
    unknown_outcomes: row.unknown_outcomes,
    updated_at: at.getTime(),
  }
  tx.statements.deliveries.fault.run({ id: row.id, ...change })
  if (row.reminder_id !== null) {
    tx.statements.reminders.finish.run({
      id: row.reminder_id,
      status: 'FAILED',
      sent_at: null,
      error_message: command.message,
      due_at: null,
      updated_at: change.updated_at,
    })
  }
  tally.add(countedAs(row), failed ? 'FAILED' : 'UNKNOWN', at)
  return done({ ...row, ...change })
}

function decide(intent: IntentTx, found: Found, command: IntentCommand): IntentOutcome {
  switch (command.kind) {
    case 'send':
      return claim(intent, found, command, () =>
        found.kind === 'reminder'
          ? claimReminder(intent, found.row, command)
          : claimDelivery(intent, found.row, command),
      )
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
function madeBefore({ tx }: IntentTx, { kind, work, ...command }: IntentCommand): Delivery | undefined {
  if (kind !== 'send' || !('fence' in command)) return undefined
  const id =
    work.kind === 'delivery' ? work.id : (tx.statements.reminders.get.get({ id: work.id })?.notification_id ?? null)
  const row = id === null ? undefined : tx.statements.deliveries.get.get({ id })
  return row?.delivery_state === 'sending' && row.fence === command.fence ? row : undefined
}

function commitIntent(intent: IntentTx, command: IntentCommand): IntentOutcome {
  const found = available(intent, command.work, command.kind)
  if (found === undefined) {
    const made = madeBefore(intent, command)
    return made === undefined ? lost : done(made)
  }
  const outcome = decide(intent, found, command)
  if (outcome.status === 'committed') {
    appendDecision(intent.tx, command.decision, command.decision.entries, intent.at)
  }
  return outcome
}

export function commitIntents(tx: Tx, commands: readonly IntentCommand[], at: Date): IntentOutcome[] {
  const tally = createTally()
  const intent = { tx, at, tally, guard: guardCheck(tx), meter: createMeter(tx, at, tally) }
  const outcomes = commands.map((command) => commitIntent(intent, command))
  tally.write(tx)
  return outcomes
}
