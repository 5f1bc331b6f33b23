import { nextAttempt, type RetryPolicy } from '../domain/retry.ts'
import { usefulUntil } from '../domain/useful-life.ts'
import type { DeliveryRow } from '../ports/storage.ts'
import type { Context } from './context.ts'
import { deliveryWork, startByRows, wantedAt } from './dispatch/work.ts'

/**
 * How a message is tried again that a provider accepted and then could not deliver, such as to a telephone that is switched
 * off: about 8 minutes and 50 minutes after the report.
 */
const policy: RetryPolicy = { maxRetries: 2, baseMs: 600_000, factor: 6, maxMs: 3_600_000 }

/** When to try it again; null: it was tried twice more, or is of no more use then. */
export async function nextReportedTry(context: Context, row: DeliveryRow, now: Date): Promise<Date | null> {
  const { leadMs, random, retry } = context.options
  const attempts = (await retriesOf(context, row)) + 1
  if (attempts > Math.min(policy.maxRetries, retry.maxRetries)) return null
  return nextAttempt({ policy, attempts, now, deadline: await deadlineOf(context, row, leadMs), random: random() })
}

/** How often it was tried again after such a report. What has no appointment has no story: then by its attempts. */
async function retriesOf({ options }: Context, row: DeliveryRow): Promise<number> {
  if (row.appointmentId === null) return row.attempts - 1
  const decisions = await options.storage.decisions.list(row.organizationId, row.appointmentId)
  const entries = decisions.flatMap((decision) => decision.entries)
  return entries.filter((one) => one.rule === 'reported_retry' && one.notificationId === row.id).length
}

/** As far as the rows say: when it comes to it, the host application is asked again. */
async function deadlineOf({ options }: Context, row: DeliveryRow, leadMs: number): Promise<Date | null> {
  const reminder = row.reminderId === null ? null : await options.storage.reminders.get(row.reminderId)
  const due = deliveryWork(row, reminder)
  return usefulUntil({ category: row.category, since: wantedAt(due), start: startByRows(due) }, leadMs)
}
