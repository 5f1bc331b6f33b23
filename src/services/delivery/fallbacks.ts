import { isSameRecipient } from '../../domain/appointment.ts'
import { type ChainFacts, fallbackAfter, type Link } from '../../domain/fallback.ts'
import type { Surroundings } from '../../domain/plan.ts'
import type { DeliveryRow, Fallback } from '../../ports/storage.ts'
import { fallbackKey } from '../messages/idempotency-key.ts'
import type { Context } from '../shared/context.ts'
import { preferenceRefOf } from '../shared/knowledge.ts'
import { policyOf } from '../shared/settings-view.ts'
import { type DueWork, idempotencyKeyOf, targetOf } from './work.ts'

/** The longest chain there can be; a longer one would go in a circle. */
const mostLinks = 20

/** The first message of the chain of which a delivery is part. */
export async function rootOf(context: Pick<Context, 'options'>, row: DeliveryRow): Promise<DeliveryRow> {
  let root = row
  for (let links = 0; root.fallbackOf !== null && links < mostLinks; links += 1) {
    const before = await context.options.storage.deliveries.get(root.fallbackOf)
    // It was erased.
    if (before === null) break
    root = before
  }
  return root
}

/** What takes the place of this work where it fails for certain; null: nothing does. `root`: the channel on which its chain began. */
export function fallbackFor(
  surroundings: Pick<Surroundings, 'policy' | 'preferencesOf'>,
  due: DueWork,
  root: DeliveryRow['channel'],
): Fallback | null {
  const { recipient, category, channel } = targetOf(due)
  return fallbackTo(surroundings, { recipient, category, channel, root }, idempotencyKeyOf(due))
}

export function fallbackTo(
  surroundings: Pick<Surroundings, 'policy' | 'preferencesOf'>,
  link: Link,
  key: string,
): Fallback | null {
  const channel = fallbackAfter(surroundings, link)
  return channel === null ? null : { channel, idempotencyKey: fallbackKey(key, channel) }
}

/** What is known of the chains of work that is in place of other messages. */
export type Chains = ReadonlyMap<DueWork, ChainFacts & { readonly root: DeliveryRow }>

const arrived: ReadonlySet<string | null> = new Set(['SENT', 'DELIVERED'])
const underWay: ReadonlySet<string> = new Set(['queued', 'sending', 'handed_over'])

/** Few messages are in place of others: each is looked up by itself. */
export async function chainsOf(context: Context, works: readonly DueWork[]): Promise<Chains> {
  const chains = new Map<DueWork, ChainFacts & { readonly root: DeliveryRow }>()
  for (const due of works) {
    if (due.delivery === null || due.delivery.fallbackOf === null) continue
    chains.set(due, await chainOf(context, due.delivery))
  }
  return chains
}

async function chainOf(context: Context, row: DeliveryRow) {
  const { storage } = context.options
  const root = await rootOf(context, row)
  const before = row.fallbackOf === null ? null : await storage.deliveries.get(row.fallbackOf)
  const reminder = root.reminderId === null ? null : await storage.reminders.get(root.reminderId)
  // A later report may have corrected the failure.
  const isCorrected = arrived.has(root.status) || arrived.has(before?.status ?? null)
  const isCovered = isCorrected || (await isBeside(context, row, root, reminder?.offset ?? null))
  return { root, startsAt: reminder?.startsAt ?? null, isCovered }
}

/** Whether the person gets the same on this channel anyway: the reminder of the same offset, or the notice of the same event. */
async function isBeside({ options }: Context, row: DeliveryRow, root: DeliveryRow, offset: string | null) {
  const { organizationId, appointmentId, recipient, channel, category } = row
  if (appointmentId === null) return false
  const { reminders, deliveries } = options.storage
  if (offset !== null) {
    const all = await reminders.list(organizationId, appointmentId)
    return all.some(
      (one) =>
        isSameRecipient(one.recipient, recipient) &&
        one.channel === channel &&
        one.offset === offset &&
        (one.status === 'PENDING' || one.status === 'SENT'),
    )
  }
  const all = await deliveries.notices(organizationId, appointmentId)
  return all.some(
    (one) =>
      isSameRecipient(one.recipient, recipient) &&
      one.channel === channel &&
      one.category === category &&
      one.id !== row.id &&
      one.createdAt >= root.createdAt &&
      (arrived.has(one.status) || underWay.has(one.state)),
  )
}

/** What takes the place of a message that was reported as failed, by the settings and wishes of now. */
export async function reportedFallback(context: Pick<Context, 'options'>, row: DeliveryRow): Promise<Fallback | null> {
  const { storage } = context.options
  const { organizationId, recipient, category, channel, idempotencyKey, state, unknownOutcomes } = row
  // The report is about the last attempt: one before it may have arrived.
  if (unknownOutcomes > (state === 'unknown' ? 1 : 0)) return null
  const ref = preferenceRefOf(recipient)
  const [[settings], [preferences]] = await Promise.all([
    storage.settings.get([organizationId]),
    ref === null ? [] : storage.preferences.get([ref]),
  ])
  const policy = policyOf(settings ?? null)
  const own = preferences?.organizationId === organizationId ? preferences : null
  if (policy.fallback.length === 0 && (own?.fallback ?? []).length === 0) return null
  const root = (await rootOf(context, row)).channel
  return fallbackTo({ policy, preferencesOf: () => own }, { recipient, category, channel, root }, idempotencyKey)
}
