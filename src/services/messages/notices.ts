import { randomUUID } from 'node:crypto'
import type { Channel } from '../../channels/index.ts'
import { isSameRecipient, refOf } from '../../domain/appointment.ts'
import { asNotified, changesSince, type Notified } from '../../domain/changes.ts'
import { addressKey, detailOf } from '../../domain/effective.ts'
import { effectiveFor } from '../../domain/plan.ts'
import { lastTryMs } from '../../domain/retry.ts'
import { usefulUntil } from '../../domain/useful-life.ts'
import type { NewDelivery } from '../../ports/storage.ts'
import { documentedChannels } from '../../schemas/channel-fields.ts'
import { channelsInUse } from '../../schemas/channel-settings.ts'
import { type EntityId, type RecipientRef, refKey } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import type { Person } from '../../schemas/directory.ts'
import { isSetUpFault, type Rule } from '../../schemas/rules.ts'
import type { Category } from '../../schemas/vocabulary.ts'
import type { Knowledge } from '../shared/knowledge.ts'
import { noticeKey } from './idempotency-key.ts'
import { contentFor, renderFor, type Subject } from './worded.ts'

export type NoticeRequest = {
  readonly category: Category
  readonly subject: Subject
  readonly appointmentId: EntityId | null
  readonly waitlistEntryId: EntityId | null
  /** Why it is sent, for `explain()`. */
  readonly rule: Extract<Rule, 'asked_for' | 'lifecycle'>
  /** Null: those that the organization uses. */
  readonly channels: readonly Channel[] | null
  /** Null: everybody. */
  readonly recipients: readonly RecipientRef[] | null
  /** Notices with the same key are sent once (`rescheduleKey`, `lifecycleNotices`); null: sent on every request. */
  readonly dedupeKey: string | null
  /**
   * Of a reschedule: what a recipient was last notified of, so that the notice names what changed; of a cancellation: what it names in place
   * of what the recipient never heard of. Default: unknown.
   */
  readonly lastNotified?: (recipient: RecipientRef) => Notified | null
  /** Of a confirmation: as in `MessageFacts`. Default false. */
  readonly isReinstated?: boolean
  /** How long it waits for second thoughts, in ms. Default 0. */
  readonly settleMs?: number
  readonly now: Date
}

/** Immediate notifications to queue, and an entry for everybody left out. */
export function buildNotices(
  request: NoticeRequest,
  knowledge: Knowledge,
): { readonly deliveries: NewDelivery[]; readonly entries: DecisionEntry[] } {
  const { subject, category } = request
  const entries: DecisionEntry[] = []
  const surroundings = knowledge.surroundings(subject.organizationId)
  const messages = new Map<string, Draft>()
  const chosen = subject.recipients.filter(
    (one) => request.recipients === null || request.recipients.some((wanted) => isSameRecipient(one, wanted)),
  )
  for (const wanted of request.recipients ?? []) {
    if (chosen.some((one) => isSameRecipient(one, wanted))) continue
    const rule = subject.hasUnreadablePeople ? 'appointment_unreadable' : 'recipient_removed'
    entries.push({ action: 'skipped', rule, category, recipient: wanted })
  }
  const wanted = request.channels ?? channelsInUse(surroundings.policy)
  for (const recipient of chosen) {
    for (const channel of wanted) {
      const about = { category, recipient: refOf(recipient), channel }
      const allowed = effectiveFor(surroundings, recipient, category, channel)
      const message = messages.get(`${channel}:${addressKey(channel, allowed.address ?? '')}`)
      if (!allowed.allowed || allowed.address === null) {
        const refused = isSetUpFault(allowed.rule)
        entries.push({ action: refused ? 'refused' : 'skipped', rule: allowed.rule, ...about, ...detailOf(allowed) })
      } else if (message !== undefined) {
        message.others.push(recipient)
        entries.push({ action: 'merged', rule: 'same_address', ...about })
      } else {
        const { address, isFreeText = false } = allowed
        const draft = { recipient, channel, address, isFreeText, others: [] }
        messages.set(`${channel}:${addressKey(channel, address)}`, draft)
      }
    }
  }
  return { deliveries: [...messages.values()].map((draft) => deliveryOf(request, draft, knowledge)), entries }
}

/** One message: to somebody, and to those who have the same address. */
type Draft = {
  readonly recipient: Person
  readonly channel: Channel
  readonly address: string
  readonly isFreeText: boolean
  readonly others: Person[]
}

function deliveryOf(
  request: NoticeRequest,
  { recipient, channel, address, isFreeText, others }: Draft,
  knowledge: Knowledge,
): NewDelivery {
  const { subject, category, appointmentId, waitlistEntryId, dedupeKey, lastNotified, isReinstated, rule, now } =
    request
  const { organizationId } = subject
  const about = { category, recipient: refOf(recipient), channel }
  const dueAt = settledAt(request)
  const before = lastNotified?.(recipient) ?? null
  const changed = before === null ? undefined : changesSince(before, subject)
  const named = before === null || category !== 'CANCELLATION' ? subject : asNotified(subject, before)
  const to = { organizationId, channel, category, subject: named, recipient, others, isFreeText }
  const message = { ...to, changed, isReinstated, now }
  const rendered = renderFor(message, knowledge)
  return {
    ...contentFor(channel, address, rendered),
    organizationId,
    appointmentId,
    waitlistEntryId,
    ...about,
    // A request without an idempotency key is a new message each time.
    idempotencyKey:
      dedupeKey === null
        ? randomUUID()
        : noticeKey({ organizationId, ...about }, dedupeKey, subject.start?.instant ?? null),
    dedupeKey: dedupeKey === null ? null : `${dedupeKey}:${refKey(recipient)}:${channel}`,
    snapshot: JSON.stringify({
      ...subject,
      recipients: [recipient, ...others],
      ...(before === null ? {} : { before }),
      ...(isReinstated ? { isReinstated } : {}),
    }),
    dueAt,
    entry: { action: 'queued', rule, ...about, ...(dueAt > now ? { for: dueAt.toISOString() } : {}) },
  }
}

/** When it is sent: at once where the time for second thoughts would be all that it has. */
function settledAt({ category, subject, settleMs = 0, now }: NoticeRequest): Date {
  const until = settleMs === 0 ? null : usefulUntil({ category, since: now, start: subject.start?.instant ?? null }, 0)
  const at = new Date(now.getTime() + settleMs)
  return until !== null && at.getTime() > until.getTime() - lastTryMs ? now : at
}

/** `BOTH` is e-mail and SMS. */
export const channelsOf = (wanted: Channel | 'BOTH' | undefined): readonly Channel[] =>
  wanted === undefined || wanted === 'BOTH' ? documentedChannels : [wanted]
