import { type Surroundings, writtenTo } from '../../domain/plan.ts'
import { openFrom, quietRuleFor } from '../../domain/quiet-hours.ts'
import { lastTryMs, nextUtcDay } from '../../domain/retry.ts'
import type { Context } from '../shared/context.ts'
import type { ServiceOptions } from '../shared/service-options.ts'
import type { Sendable } from './checked.ts'
import { zoneOf } from './daily-budget.ts'
import { cancel, type Decided, defer } from './decisions.ts'
import type { Outlet } from './process-due.ts'
import { type DueWork, wantedAt } from './work.ts'

const dayMs = 86_400_000

/** Whether it was planned for a time of its own; else it is sent at once, as notices are: its time was past when it was planned. */
export const isOfItsTime = ({ reminder }: DueWork): boolean =>
  reminder !== null && reminder.reminderTime.getTime() > reminder.createdAt.getTime()

/**
 * How many messages the organization may begin today, this one included; null: it does not count. What is sent at once counts:
 * only that can come of a host in a loop. A reminder that is due by its own time counts where that is asked for, and is then
 * put off, but never given up: where it cannot wait (`roomAt` null), it goes out whatever the count.
 */
export function capOf(sendCap: ServiceOptions['sendCap'], due: DueWork, roomAt: () => Date | null): number | null {
  if (sendCap === null) return null
  if (!isOfItsTime(due)) return sendCap.perDay
  if (!sendCap.reminders) return null
  return roomAt() === null ? Number.POSITIVE_INFINITY : sendCap.perDay
}

/**
 * Until when a message is put off if it meets the cap: the next UTC day, or the end of the quiet hours in which that begins. Null: it waited a
 * whole day, or that is too late.
 */
export function roomAgainAt(
  { due, result, subject }: Sendable,
  surroundings: Surroundings,
  deadline: Date | null,
  now: Date,
): Date | null {
  const { channel, category } = due.target
  const quiet = quietRuleFor(surroundings.policy.quietHours, channel, category)
  const zone = writtenTo(surroundings, result.recipient, category).timeZone ?? zoneOf(result.recipient, subject)
  const until = quiet === null ? nextUtcDay(now) : openFrom(quiet.hours, zone, nextUtcDay(now))
  const isTooLate = deadline !== null && until.getTime() >= deadline.getTime() - lastTryMs
  return isTooLate ? null : unlessWaited(due, until, now)
}

const unlessWaited = (due: DueWork, until: Date, now: Date): Date | null =>
  now.getTime() - wantedAt(due).getTime() >= dayMs ? null : until

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
    const room = outgoing === null ? unlessWaited(due, nextUtcDay(now), now) : outgoing.roomAt()
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
  for (const [organizationId, ones] of Map.groupBy(capped, (one) => one.due.target.organizationId)) {
    options.logger.warn('daily send cap reached, messages put off', { organizationId, count: ones.length })
    const message = `The organization reached its daily cap; ${ones.length} messages were put off or given up.`
    events.emit('error', { code: 'daily_cap', message, organizationId })
  }
}

/** Messages whose account sent as much as it may today: each is put off as soon as it is decided anew. */
export async function pauseLimited({ accounts }: Context, limited: readonly Decided[], at: Date): Promise<void> {
  for (const { due, outgoing } of limited) {
    if (outgoing !== null) await accounts.limitReached(outgoing.provider, due.target, at)
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
