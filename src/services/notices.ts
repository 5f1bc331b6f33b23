import { randomUUID } from 'node:crypto'
import { type Appointment, isSameRecipient, refOf, type WaitlistEntry } from '../domain/appointment.ts'
import { addressKey, detailOf } from '../domain/effective.ts'
import { type MessageFacts, type RenderedMessage, renderMessage, templateField } from '../domain/messages/index.ts'
import { effectiveFor } from '../domain/plan.ts'
import type { DeliveryContent, NewDelivery } from '../ports/storage.ts'
import { type EntityId, type RecipientRef, refKey } from '../schemas/common.ts'
import type { DecisionEntry } from '../schemas/decision.ts'
import type { Organization, Person } from '../schemas/directory.ts'
import type { TemplateSet } from '../schemas/templates.ts'
import { type Category, type Channel, channels, isProviderFault, type Rule } from '../schemas/vocabulary.ts'
import { noticeKey } from './idempotency-key.ts'
import type { Knowledge } from './knowledge.ts'

/** What a message can be about. */
export type Subject = Appointment | WaitlistEntry

export type NoticeRequest = {
  readonly category: Category
  readonly subject: Subject
  readonly appointmentId: EntityId | null
  readonly waitlistEntryId: EntityId | null
  /** Why it is sent, for `explain()`. */
  readonly rule: Extract<Rule, 'asked_for' | 'lifecycle'>
  readonly channels: readonly Channel[]
  /** Null: everybody. */
  readonly recipients: readonly RecipientRef[] | null
  /** The same lifecycle event has the same key, and is told once; null never dedupes. */
  readonly dedupeKey: string | null
  readonly now: Date
}

/** Immediate notifications to queue, and an entry for everybody left out. */
export function buildNotices(
  request: NoticeRequest,
  knowledge: Knowledge,
): { readonly deliveries: NewDelivery[]; readonly entries: DecisionEntry[] } {
  const { subject, category, now } = request
  const deliveries: NewDelivery[] = []
  const entries: DecisionEntry[] = []
  const surroundings = knowledge.surroundings(subject.organizationId)
  const organization = knowledge.organization(subject.organizationId)
  const taken = new Set<string>()
  const chosen = subject.recipients.filter(
    (one) => request.recipients === null || request.recipients.some((wanted) => isSameRecipient(one, wanted)),
  )
  for (const wanted of request.recipients ?? []) {
    if (chosen.some((one) => isSameRecipient(one, wanted))) continue
    const rule = subject.hasUnreadablePeople ? 'appointment_unreadable' : 'recipient_removed'
    entries.push({ action: 'skipped', rule, category, recipient: wanted })
  }
  for (const recipient of chosen) {
    for (const channel of request.channels) {
      const about = { category, recipient: refOf(recipient), channel }
      const allowed = effectiveFor(surroundings, recipient, category, channel)
      const place = allowed.address === null ? '' : `${channel}:${addressKey(allowed.address)}`
      if (!allowed.allowed || allowed.address === null) {
        const refused = isProviderFault(allowed.rule)
        entries.push({ action: refused ? 'refused' : 'skipped', rule: allowed.rule, ...about, ...detailOf(allowed) })
      } else if (taken.has(place)) {
        entries.push({ action: 'merged', rule: 'same_address', ...about })
      } else {
        taken.add(place)
        const rendered = renderFor({ channel, category, subject, recipient, organization, now }, surroundings.policy)
        const { dedupeKey } = request
        deliveries.push({
          ...contentFor(channel, allowed.address, rendered),
          organizationId: subject.organizationId,
          appointmentId: request.appointmentId,
          waitlistEntryId: request.waitlistEntryId,
          ...about,
          // What the host asked for without a word about which it is, is another one each time.
          idempotencyKey:
            dedupeKey === null
              ? randomUUID()
              : noticeKey(
                  { organizationId: subject.organizationId, ...about },
                  dedupeKey,
                  subject.start?.instant ?? null,
                ),
          dedupeKey: dedupeKey === null ? null : `${dedupeKey}:${refKey(recipient)}:${channel}`,
          snapshot: JSON.stringify({ ...subject, recipients: [recipient] }),
          dueAt: now,
          entry: { action: 'queued', rule: request.rule, ...about },
        })
      }
    }
  }
  return { deliveries, entries }
}

export type RenderRequest = {
  readonly channel: Channel
  readonly category: Category
  readonly subject: Subject
  readonly recipient: Person
  readonly organization: Organization | null
  readonly now: Date
}

/** The text of a message as it stands now. */
export function renderFor(
  request: RenderRequest,
  templates: { readonly emailTemplates: TemplateSet; readonly smsTemplates: TemplateSet },
): RenderedMessage {
  const { channel, category, subject, recipient, organization, now } = request
  const facts: MessageFacts = {
    category,
    start: subject.start,
    durationMinutes: subject.durationMinutes,
    practitionerName: subject.practitionerName,
    location: subject.location,
    organizationName: organization?.name ?? null,
    recipientName: recipient.name ?? null,
    patientName: patientOf(subject, recipient)?.name ?? null,
    locale: recipient.locale ?? organization?.locale ?? 'en-US',
    now,
  }
  return renderMessage({
    channel,
    facts,
    templates: templates[templateField[channel]],
  })
}

export const contentFor = (
  channel: Channel,
  address: string | null,
  rendered: Pick<RenderedMessage, 'subject' | 'text' | 'templateRevision'> | null,
): DeliveryContent => ({
  recipientEmail: channel === 'EMAIL' ? address : null,
  recipientPhone: channel === 'SMS' ? address : null,
  subject: rendered?.subject ?? null,
  message: rendered?.text ?? '',
  templateRevision: rendered?.templateRevision ?? '',
})

export const channelsOf = (wanted: Channel | 'BOTH' | undefined): readonly Channel[] =>
  wanted === undefined || wanted === 'BOTH' ? channels : [wanted]

/** A patient is told about themselves; others are told about the first patient of the appointment. */
const patientOf = (subject: Subject, recipient: Person): Person | undefined =>
  recipient.type === 'PATIENT' ? recipient : subject.recipients.find((one) => one.type === 'PATIENT')
