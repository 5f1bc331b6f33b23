import type { Context } from '../context.ts'
import { type Evaluated, entryOf } from './decide.ts'
import { factsOf, workOf } from './work.ts'

const dayMs = 86_400_000

/**
 * What becomes of a message that found the organization's daily cap reached: put off until the next UTC day, when the count
 * begins anew; given up once it waited a whole day.
 */
export function decideCapped({ due }: Evaluated, now: Date): Evaluated {
  const { organizationId, appointmentId, waitlistEntryId } = factsOf(due)
  const since = due.reminder === null ? due.delivery.createdAt : due.reminder.reminderTime
  const over = now.getTime() - since.getTime() >= dayMs
  const rule = over ? 'capped' : 'daily_cap'
  const settle = {
    work: workOf(due),
    decision: {
      organizationId,
      appointmentId,
      waitlistEntryId,
      entries: [entryOf(due, over ? 'cancelled' : 'deferred', rule)],
    },
  }
  const until = new Date((Math.floor(now.getTime() / dayMs) + 1) * dayMs)
  const command = over ? ({ ...settle, kind: 'cancel', rule } as const) : ({ ...settle, kind: 'defer', until } as const)
  return { due, rule, outgoing: null, command }
}

/** Somebody should look: a host in a loop, or a cap that is too low. */
export function tellCapped({ events, options }: Context, capped: readonly Evaluated[]): void {
  for (const [organizationId, ones] of Map.groupBy(capped, (one) => factsOf(one.due).organizationId)) {
    options.logger.warn('daily send cap reached, messages put off', { organizationId, count: ones.length })
    const message = `The organization reached its daily cap; ${ones.length} messages were put off or given up.`
    events.emit('error', { code: 'daily_cap', message, organizationId })
  }
}
