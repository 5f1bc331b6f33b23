import { createHash } from 'node:crypto'
import type { WaitlistEntry } from '../../domain/appointment.ts'
import { NotificationError } from '../../errors.ts'
import type { DeliveryRow, DeliveryStore, NewDelivery } from '../../ports/storage.ts'
import type { Actor } from '../../schemas/audit.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { buildNotices, type NoticeRequest } from '../messages/notices.ts'
import type { Context } from '../shared/context.ts'
import { Knowledge } from '../shared/knowledge.ts'
import { type SendResult, showNotification } from '../shared/views.ts'
import { lastNotifiedBefore } from './lifecycle-notices.ts'

export type RequestedNotice = Omit<NoticeRequest, 'rule' | 'dedupeKey' | 'now'> & {
  readonly idempotencyKey: string | undefined
}

/** Queues the requested notices. Returns those queued, by this request or an earlier identical one, and who was left out. */
export async function sendNotices(context: Context, by: Actor, asked: RequestedNotice): Promise<SendResult> {
  const { idempotencyKey, ...request } = asked
  const { storage, clock } = context.options
  const now = clock.now()
  const knowledge = await Knowledge.load(context, [request.subject])
  const dedupeKey = requestKey(request, idempotencyKey)
  const past = request.category === 'RESCHEDULE' ? await pastOf(context, request) : null
  const lastNotified = past === null ? undefined : lastNotifiedBefore(past)
  const about = { ...request, rule: 'asked_for', dedupeKey, now } as const
  const notices = buildNotices({ ...about, ...definedOnly({ lastNotified }) }, knowledge)
  const { organizationId } = request.subject
  const { appointmentId, waitlistEntryId } = request
  const decision = { organizationId, appointmentId, waitlistEntryId, entries: notices.entries }
  const queued = await storage.deliveries.enqueue(notices.deliveries, decision, now, by)
  if (queued.length > 0) context.dueAt(now)
  const again = await queuedBefore(storage.deliveries, notices.deliveries, queued)
  return { notifications: [...again, ...queued].map(showNotification), omitted: notices.entries }
}

/** What was planned for the appointment and sent about it before, which shows what recipients were last notified of. */
async function pastOf({ options }: Context, { subject, appointmentId }: Omit<RequestedNotice, 'idempotencyKey'>) {
  if (appointmentId === null) return null
  const { plans, reminders, deliveries } = options.storage
  const { organizationId } = subject
  const [found, rows, notices] = await Promise.all([
    plans.find([appointmentId]),
    reminders.list(organizationId, appointmentId),
    deliveries.notices(organizationId, appointmentId),
  ])
  const before = found.find((plan) => plan.organizationId === organizationId) ?? null
  return { before, rows, notices }
}

/** Refuses an offer that can no longer be accepted. @throws NotificationError `slot_started`, `offer_expired`. */
export function requireOpen({ id, start, expiresAt }: WaitlistEntry, now: Date): void {
  const field = 'waitlistEntryId'
  if (start !== null && start.instant <= now) {
    const message = `Nothing was sent: the slot of waitlist entry ${id} started at ${start.instant.toISOString()}.`
    throw new NotificationError('slot_started', message, { field })
  }
  if (expiresAt !== null && expiresAt <= now) {
    const message = `Nothing was sent: the offer to waitlist entry ${id} expired at ${expiresAt.toISOString()}.`
    throw new NotificationError('offer_expired', message, { field })
  }
}

/** How many notices of one category and appointment are searched, newest first. */
const noticesRead = 500

/**
 * The `dedupeKey` of a notice requested with an idempotency key. A digest, because the host's key may be anything; includes
 * what is sent, so that a key reused for another notice does not suppress it.
 */
function requestKey(
  { category, appointmentId, waitlistEntryId }: Pick<NoticeRequest, 'category' | 'appointmentId' | 'waitlistEntryId'>,
  idempotencyKey: string | undefined,
): string | null {
  if (idempotencyKey === undefined) return null
  const asked = JSON.stringify([idempotencyKey, category, appointmentId, waitlistEntryId])
  return `request:${createHash('sha256').update(asked).digest('base64url')}`
}

/** Those of `requested` that were not queued now because the same request queued them before. */
async function queuedBefore(
  deliveries: DeliveryStore,
  requested: readonly NewDelivery[],
  queued: readonly DeliveryRow[],
): Promise<readonly DeliveryRow[]> {
  const [one] = requested
  if (one === undefined || queued.length === requested.length) return []
  const missing = new Set(requested.map(({ dedupeKey }) => dedupeKey))
  for (const { dedupeKey } of queued) missing.delete(dedupeKey)
  const { rows } = await deliveries.list({
    organizationId: one.organizationId,
    category: one.category,
    ...definedOnly({
      appointmentId: one.appointmentId ?? undefined,
      waitlistEntryId: one.waitlistEntryId ?? undefined,
    }),
    limit: noticesRead,
    offset: 0,
  })
  return rows.filter(({ dedupeKey }) => missing.has(dedupeKey)).reverse()
}
