import { nextUtcDay } from '../../domain/retry.ts'
import type { Context } from '../shared/context.ts'
import type { ServiceOptions } from '../shared/service-options.ts'
import { cancel, type Decided, defer } from './decisions.ts'
import type { Outlet } from './process-due.ts'
import { type DueWork, targetOf, wantedAt } from './work.ts'

const dayMs = 86_400_000

/** Whether it was planned for a time of its own; else it is sent at once, as notices are: its time was past when it was planned. */
export const isOfItsTime = ({ reminder }: DueWork): boolean =>
  reminder !== null && reminder.reminderTime.getTime() > reminder.createdAt.getTime()

/**
 * How many messages the organization may begin today, this one included; null: it does not count. What is sent at once counts:
 * only that can come of a host in a loop. A reminder that is due by its own time counts where that is asked for, and is then
 * put off, but never given up: where it cannot wait, it goes out whatever the count.
 */
export function capOf(
  sendCap: ServiceOptions['sendCap'],
  due: DueWork,
  deadline: Date | null,
  now: Date,
): number | null {
  if (sendCap === null) return null
  if (!isOfItsTime(due)) return sendCap.perDay
  if (!sendCap.reminders) return null
  return roomAgainAt(due, deadline, now) === null ? Number.POSITIVE_INFINITY : sendCap.perDay
}

/** Until when what met the cap is put off; null: it waited a whole day, or the next one is too late. */
function roomAgainAt(due: DueWork, deadline: Date | null, now: Date): Date | null {
  const until = nextUtcDay(now)
  const isTooLate = deadline !== null && until >= deadline
  return isTooLate || now.getTime() - wantedAt(due).getTime() >= dayMs ? null : until
}

/**
 * Messages that found the cap reached: put off until the next UTC day, when the count begins anew; given up where they waited a
 * whole day, or where that day is too late, unless they are reminders of their own time.
 */
export async function putOffCapped(
  context: Context,
  capped: readonly Decided[],
  now: Date,
  written: Outlet['written'],
): Promise<void> {
  if (capped.length === 0) return
  const decided = capped.map(({ due, outgoing }) => {
    const room = roomAgainAt(due, outgoing?.deadline ?? null, now)
    // A day began since it was decided: one of its time is decided anew, at once.
    const until = room ?? (isOfItsTime(due) ? now : null)
    return until === null ? cancel(due, 'capped') : defer(due, until, { rule: 'daily_cap' })
  })
  const commands = decided.map(({ command }) => command)
  const outcomes = await context.options.storage.deliveries.commitIntents(commands, now)
  report(context, capped)
  for (const [index, one] of decided.entries()) {
    const outcome = outcomes[index]
    if (outcome?.status === 'committed') written(one, outcome.delivery)
  }
}

/** Somebody should look: a host in a loop, or a cap that is too low. */
function report({ events, options }: Context, capped: readonly Decided[]): void {
  for (const [organizationId, ones] of Map.groupBy(capped, (one) => targetOf(one.due).organizationId)) {
    options.logger.warn('daily send cap reached, messages put off', { organizationId, count: ones.length })
    const message = `The organization reached its daily cap; ${ones.length} messages were put off or given up.`
    events.emit('error', { code: 'daily_cap', message, organizationId })
  }
}

/** Messages whose account sent as much as it may today: each is put off as soon as it is decided anew. */
export async function pauseLimited({ accounts }: Context, limited: readonly Decided[], at: Date): Promise<void> {
  for (const { due, outgoing } of limited) {
    if (outgoing !== null) await accounts.limitReached(outgoing.provider, targetOf(due), at)
  }
}

/** Messages of which the person gets no more on that day. */
export async function giveUpSpent(
  { options: { storage } }: Context,
  spent: readonly Decided[],
  now: Date,
  written: Outlet['written'],
): Promise<void> {
  if (spent.length === 0) return
  const decided = spent.map(({ due }) => cancel(due, 'budget_spent'))
  const commands = decided.map(({ command }) => command)
  const outcomes = await storage.deliveries.commitIntents(commands, now)
  for (const [index, one] of decided.entries()) {
    const outcome = outcomes[index]
    if (outcome?.status === 'committed') written(one, outcome.delivery)
  }
}
