import type { DeliveryRow } from '../../ports/storage.ts'
import type { Context } from '../context.ts'
import { isOfItsTime, roomAgainAt } from './cap.ts'
import { cancel, decisionOn, type Evaluated } from './decide.ts'
import { factsOf } from './work.ts'

/**
 * What becomes of a message that found the organization's daily cap reached: put off until the next UTC day, when the count
 * begins anew; given up once it waited a whole day, or where that day is too late, unless it is a reminder of its own time.
 */
function decideCapped({ due, outgoing }: Evaluated, now: Date): Evaluated {
  const room = roomAgainAt(due, outgoing?.deadline ?? null, now)
  // A day began since it was decided: one of its time is decided anew, at once.
  const until = room ?? (isOfItsTime(due) ? now : null)
  if (until === null) return cancel(due, 'capped')
  const rule = 'daily_cap'
  return { due, rule, outgoing: null, command: { ...decisionOn(due, 'deferred', rule), kind: 'defer', until } }
}

/** Puts off what met the cap, and tells. Gives what was decided with its delivery, where it still could be. */
export async function putOffCapped(
  context: Context,
  capped: readonly Evaluated[],
  now: Date,
): Promise<{ readonly one: Evaluated; readonly delivery: DeliveryRow | null }[]> {
  const decided = capped.map((one) => decideCapped(one, now))
  const commands = decided.map((one) => one.command)
  const outcomes = await context.options.storage.deliveries.commitIntents(commands, now)
  tellCapped(context, capped)
  return decided.flatMap((one, index) => {
    const outcome = outcomes[index]
    return outcome?.status === 'committed' ? [{ one, delivery: outcome.delivery }] : []
  })
}

/** Somebody should look: a host in a loop, or a cap that is too low. */
function tellCapped({ events, options }: Context, capped: readonly Evaluated[]): void {
  for (const [organizationId, ones] of Map.groupBy(capped, (one) => factsOf(one.due).organizationId)) {
    options.logger.warn('daily send cap reached; messages postponed', { organizationId, count: ones.length })
    const message = `The organization reached its daily cap; ${ones.length} messages were postponed or cancelled.`
    events.emit('error', { code: 'daily_cap', message, organizationId })
  }
}
