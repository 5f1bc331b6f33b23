import { z } from 'zod'
import { nextAttempt, type RetryPolicy } from '../../domain/retry.ts'
import { usefulUntil } from '../../domain/useful-life.ts'
import { type DeliveryRow, reportedFailed, type TaskReport } from '../../ports/storage.ts'
import type { Task } from '../../schemas/task-manager.ts'
import type { DeliveryStatus } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'
import { emitEnding } from './delivery-events.ts'
import { reportedFallback } from './fallbacks.ts'
import { deliveryWork, startByRows, wantedAt } from './work.ts'

/** The outcome of a message as TaskManager reports it: in a callback, or when it is queried. */
export type Report = {
  readonly status: DeliveryStatus
  readonly deliveredAt: Date | null
  readonly messageId: string | null
  readonly taskId: string | null
  readonly executionId: string | null
  /** TaskManager's error message. */
  readonly error: string | null
}

const result = z
  .object({
    message_id: z
      .union([z.string().max(1000), z.int()])
      .nullish()
      .catch(null),
    delivered_at: z.iso.datetime({ offset: true }).nullish().catch(null),
  })
  .catch({})

/** The report of a finished task that was queried because its callback did not come. */
export function reportOf(task: Task, status: 'SENT' | 'FAILED'): Report {
  const { message_id: messageId = null, delivered_at: deliveredAt = null } = result.parse(task.result ?? {})
  const at = deliveredAt === null ? null : new Date(deliveredAt)
  return {
    status: status === 'SENT' && at !== null ? 'DELIVERED' : status,
    deliveredAt: at ?? task.finishedAt,
    messageId: messageId === null ? null : String(messageId),
    taskId: task.id,
    executionId: task.executionId,
    error: task.error,
  }
}

/**
 * TaskManager reported a failed run: its task is checked soon, and TaskManager queried whether it tries again. If the report came
 * before the response to the creation, it brings the task id.
 */
export async function noteFailure(
  context: Context,
  delivery: DeliveryRow,
  { taskId, executionId }: Noted,
): Promise<void> {
  const { storage, clock } = context.options
  const task = await storage.tasks.find({ notificationId: delivery.id })
  if (task === null) return
  const about = { task, at: clock.now(), entries: [] }
  const nextAt = clock.now()
  if (task.taskId === null && taskId !== null) {
    const known = { taskId, executionId, body: null, nextAt, event: 'created' } as const
    await storage.tasks.apply([{ ...about, kind: 'registered', ...known }])
  }
  await storage.tasks.apply([{ ...about, kind: 'later', nextAt, unsent: false, errorCode: reportedFailed }])
  context.tasksTouched()
}
type Noted = Pick<Report, 'taskId' | 'executionId'>

/** Records a report of TaskManager on a delivery, and emits the events. False: it changed nothing. */
export async function recordReport(context: Context, delivery: DeliveryRow, report: Report): Promise<boolean> {
  const { storage, clock } = context.options
  const now = clock.now()
  const at = notAfter(now, report.deliveredAt)
  const { status, messageId: providerMessageId } = report
  const isFault = !hasArrived(status)
  const reminder = delivery.reminderId === null ? null : await storage.reminders.get(delivery.reminderId)
  const command: TaskReport = {
    notificationId: delivery.id,
    status,
    at: isFault ? now : at,
    deliveredAt: status === 'DELIVERED' ? at : null,
    providerMessageId,
    taskId: report.taskId,
    executionId: report.executionId,
    executionMs: isFault ? null : Math.max(0, at.getTime() - wantedAt(deliveryWork(delivery, reminder)).getTime()),
    errorCode: isFault ? 'reported' : null,
    errorMessage: isFault ? scrub(report.error) : null,
    fallback: isFault ? await reportedFallback(context, delivery) : null,
  }
  const outcome = await storage.tasks.report(command)
  if (outcome === 'ignored') return false
  const isOutcome = outcome === 'settled'
  if (isFault) {
    if (command.fallback) context.dueAt(now)
    const endsReminder = isOutcome || hasArrived(delivery.status)
    emitEnding(context, delivery, endsReminder ? reminder : null, { kind: 'failed', code: 'reported' })
    return true
  }
  if (isOutcome) emitEnding(context, delivery, reminder, { kind: 'sent', providerMessageId })
  if (status === 'DELIVERED') emitEnding(context, delivery, null, { kind: 'delivered' })
  return true
}

/** False: it failed, or nothing is known. */
export const hasArrived = (status: DeliveryStatus | null): boolean => status === 'SENT' || status === 'DELIVERED'

/** A clock of another machine may run ahead; nothing was delivered in our future. */
export const notAfter = (now: Date, reported: Date | null): Date =>
  reported === null || reported > now ? now : reported

/** An error message of another program, made safe to store and show: one line, without contact data. */
export function scrub(error: string | null): string {
  if (error === null || error.trim() === '') return 'Reported as failed, without a reason.'
  return error
    .slice(0, 1000)
    .replace(/[\p{Cc}\u2028\u2029\p{Cs}]+/gu, ' ')
    .replace(/[^\s@<>]{1,64}@[^\s@<>]{1,255}/g, '[address]')
    .replace(/\+?\d[\d\s().-]{5,20}\d/g, '[number]')
    .slice(0, 500)
}

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

/** How often it was tried again after such a report. Without an appointment there are no decisions to count: then by its attempts. */
async function retriesOf({ options }: Context, row: DeliveryRow): Promise<number> {
  if (row.appointmentId === null) return row.attempts - 1
  const decisions = await options.storage.decisions.list(row.organizationId, row.appointmentId)
  const entries = decisions.flatMap((decision) => decision.entries)
  return entries.filter((one) => one.rule === 'reported_retry' && one.notificationId === row.id).length
}

/** From the rows only; before it is sent, it is checked against the directory. */
async function deadlineOf({ options }: Context, row: DeliveryRow, leadMs: number): Promise<Date | null> {
  const reminder = row.reminderId === null ? null : await options.storage.reminders.get(row.reminderId)
  const due = deliveryWork(row, reminder)
  return usefulUntil({ category: row.category, since: wantedAt(due), start: startByRows(due) }, leadMs)
}
