import { isSameRecipient, refOf } from '../../domain/appointment.ts'
import { type ChainFacts, fallbackAfter, fallbacksOf, type Link, passesOn } from '../../domain/fallback.ts'
import type { Surroundings } from '../../domain/plan.ts'
import type { DeliveryRow, Fallback, ReminderRow } from '../../ports/storage.ts'
import type { RecipientRef } from '../../schemas/common.ts'
import type { FallbackStep } from '../../schemas/fallback.ts'
import type { Rule } from '../../schemas/rules.ts'
import { fallbackKey, keyAlong } from '../messages/idempotency-key.ts'
import { parseRecipients } from '../messages/snapshot.ts'
import type { Context } from '../shared/context.ts'
import { type Knowledge, preferenceRefOf } from '../shared/knowledge.ts'
import { policyOf } from '../shared/settings-view.ts'
import type { Checked } from './checked.ts'
import { type DueWork, idempotencyKeyOf, mayHaveGoneOut } from './work.ts'

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
  const { recipient, category, channel } = due.target
  return fallbackTo(surroundings, { recipient, category, channel, root }, idempotencyKeyOf(due))
}

/**
 * What takes the place of checked work that fails; nothing takes that of one which may have arrived by an earlier attempt. `rule`: why it
 * fails without an attempt.
 */
export function fallbackOf(
  { due, result, fallback, others, joined = [], root }: Checked,
  knowledge: Pick<Knowledge, 'surroundings'>,
  rule?: Rule,
): Fallback | null {
  if (mayHaveGoneOut(due) || (rule !== undefined && !passesOn(rule))) return null
  const { organizationId, recipient, category, channel } = due.target
  const surroundings = knowledge.surroundings(organizationId)
  const own = fallback === undefined ? fallbackFor(surroundings, due, channel) : fallback
  // One that joined it has a reminder that fails by itself, unless this one begins.
  const readers = [...(result.kind === 'send' ? [result.recipient] : []), ...others]
  const merged = readers.filter((one) => !isSameRecipient(one, recipient) && !joined.includes(one))
  const about = { category, channel, root: root ?? channel }
  return together(own, surroundings, merged, about, idempotencyKeyOf(due))
}

/** What takes the place of a message for its recipient (`own`), and for others whom it was for. */
function together(
  own: Fallback | null,
  surroundings: Pick<Surroundings, 'policy' | 'preferencesOf'>,
  merged: readonly RecipientRef[],
  about: Omit<Link, 'recipient'>,
  key: string,
): Fallback | null {
  const theirs = merged.flatMap((one) => {
    const recipient = refOf(one)
    const next = fallbackTo(surroundings, { ...about, recipient }, key, recipient)
    return next === null ? [] : [{ ...next, recipient }]
  })
  const [first, ...others] = own === null ? theirs : [own, ...theirs]
  return first === undefined ? null : others.length === 0 ? first : { ...first, others }
}

/** After how long the first of them is due where the message was sent; null: none is. */
export function unreportedMsOf(fallback: Fallback | null): number | null {
  const times = fallback === null ? [] : [fallback, ...(fallback.others ?? [])].map((one) => one.unreportedMs)
  const known = times.filter((ms) => ms !== undefined)
  return known.length === 0 ? null : Math.min(...known)
}

export function fallbackTo(
  surroundings: Pick<Surroundings, 'policy' | 'preferencesOf'>,
  link: Link,
  key: string,
  other?: RecipientRef,
): Fallback | null {
  const step = fallbackAfter(surroundings, link)
  if (step === null) return null
  const { channel, unreportedMinutes: minutes } = step
  // What may have arrived is held, and nothing takes its place, where the organization wants that.
  const isWaitedFor = minutes !== undefined && surroundings.policy.unknownOutcome !== 'hold'
  const later = isWaitedFor ? { unreportedMs: minutes * 60_000 } : {}
  return { channel, idempotencyKey: fallbackKey(key, channel, other), ...later }
}

/** The step by which a message is in place of others, as the settings are now; null: none is left. */
export const stepTo = (
  surroundings: Pick<Surroundings, 'policy' | 'preferencesOf'>,
  { recipient, category, channel }: DeliveryRow,
  root: DeliveryRow,
): FallbackStep | null => {
  const steps = fallbacksOf(surroundings, { recipient, category, channel: root.channel })
  return steps.find((step) => step.channel === channel) ?? null
}

/** What is known of the chains of work that is in place of other messages. */
export type Chain = ChainFacts & {
  readonly root: DeliveryRow
  /** What is in place of the same message for others whom that was for. */
  readonly siblings: readonly DeliveryRow[]
  /** One of those that it is in place of was begun. */
  readonly isCounted: boolean
}
export type Chains = ReadonlyMap<DueWork, Chain>

const arrived: ReadonlySet<string | null> = new Set(['SENT', 'DELIVERED'])

/** Few messages are in place of others: each is looked up by itself. */
export async function chainsOf(context: Context, works: readonly DueWork[]): Promise<Chains> {
  const chains = new Map<DueWork, Chain>()
  for (const due of works) {
    if (due.delivery === null || due.delivery.fallbackOf === null) continue
    chains.set(due, await chainOf(context, due.delivery))
  }
  return chains
}

async function chainOf(context: Context, row: DeliveryRow): Promise<Chain> {
  const { storage } = context.options
  const root = await rootOf(context, row)
  const before = row.fallbackOf === null ? null : await storage.deliveries.get(row.fallbackOf)
  const reminder = root.reminderId === null ? null : await storage.reminders.get(root.reminderId)
  const sent = [root, ...(before === null || before.id === root.id ? [] : [before])]
  const silent = sent.filter(isUnreported)
  // A later report may have corrected the failure, and one that is tried again has not failed.
  const isCorrected = sent.some((one) => mayArrive(one) || (arrived.has(one.status) && !silent.includes(one)))
  const shown = await Promise.all(silent.map((one) => othersReported(context, one)))
  const about = await sameKind(context, row)
  const beside = [...deliveriesBeside(about, row, root), ...(await remindersBeside(context, row, reminder))]
  return {
    root,
    siblings: siblingsIn(about, row),
    isCounted: sent.some(({ attempts, provider }) => attempts > 0 || provider !== null),
    startsAt: reminder?.startsAt ?? null,
    silence: silent.length === 0 ? null : shown.every(Boolean) ? ('shown' as const) : ('unproven' as const),
    isCovered: isCorrected || beside.includes('covers'),
    isTried: beside.includes('failed'),
  }
}

/** It is tried again, or nobody knows what became of it. */
const mayArrive = ({ state }: DeliveryRow): boolean => state !== 'settled' && state !== 'cancelled'

/** It was sent, and nothing was reported of it. */
const isUnreported = ({ status, deliveryDetail }: DeliveryRow): boolean =>
  status === 'SENT' && (deliveryDetail === null || deliveryDetail.unreported !== undefined)

/** Reports of an account count for so long, and of the newest messages so many are looked at. */
const reportingMs = 24 * 60 * 60_000
const mostReported = 100

/**
 * Whether messages that the same account sent later were reported as delivered, in the last day: then reports do come in, and the silence about
 * this one says something. Without such, the webhook may be broken, and would send everything twice.
 */
async function othersReported({ options }: Context, row: DeliveryRow): Promise<boolean> {
  const { organizationId, channel, provider, accountId, sentAt } = row
  if (sentAt === null) return false
  const from = new Date(Math.max(row.createdAt.getTime(), options.clock.now().getTime() - reportingMs))
  const about = { organizationId, channel, status: 'DELIVERED', from, limit: mostReported, offset: 0 } as const
  const { rows } = await options.storage.deliveries.list(about)
  return rows.some(
    (one) => one.provider === provider && one.accountId === accountId && one.sentAt !== null && one.sentAt >= sentAt,
  )
}

/** A message to the same person on the same channel: it arrived, is under way or may have arrived; or it failed for certain. */
type Beside = 'covers' | 'failed'

/** More are never about one appointment or offer, channel and kind since one of them failed. */
const mostBeside = 100

/** The newest messages on the channel of this one that are about the same. */
async function sameKind({ options }: Pick<Context, 'options'>, row: DeliveryRow): Promise<readonly DeliveryRow[]> {
  const { organizationId, appointmentId, waitlistEntryId, channel, category } = row
  if (appointmentId === null && waitlistEntryId === null) return []
  const { rows } = await options.storage.deliveries.list({
    ...{ organizationId, channel, category },
    ...(appointmentId === null ? {} : { appointmentId }),
    ...(waitlistEntryId === null ? {} : { waitlistEntryId }),
    ...{ limit: mostBeside, offset: 0 },
  })
  return rows
}

const siblingsIn = (rows: readonly DeliveryRow[], { fallbackOf, recipient }: DeliveryRow) =>
  rows.filter((one) => one.fallbackOf === fallbackOf && !isSameRecipient(one.recipient, recipient))

/**
 * What the person was sent on this channel about the same since the first of the chain: the same notice, or a nearer reminder; where there is
 * nothing, what went to somebody else with their address for them too.
 */
function deliveriesBeside(rows: readonly DeliveryRow[], row: DeliveryRow, root: DeliveryRow): Beside[] {
  const theirs = rows.filter((one) => isSameRecipient(one.recipient, row.recipient))
  const own = theirs.flatMap((one) => besideOf(one, row, root))
  if (own.length > 0) return own
  const isForThem = ({ snapshot, fallbackOf }: DeliveryRow) =>
    fallbackOf === null && parseRecipients(snapshot).some((one) => isSameRecipient(one, row.recipient))
  return rows.filter(isForThem).flatMap((one) => besideOf(one, row, root))
}

function besideOf(one: DeliveryRow, row: DeliveryRow, root: DeliveryRow): Beside[] {
  // Of two that take the place of different messages the first one goes, so that one of them does.
  const isRival = one.fallbackOf === null || one.id < row.id
  if (one.id === row.id || !isRival || one.createdAt < root.createdAt || one.state === 'cancelled') return []
  return one.status === 'FAILED' || one.status === 'BOUNCED' ? ['failed'] : ['covers']
}

/** The reminder of the same offset on this channel, which may be before or after that of the chain. */
async function remindersBeside(
  { options }: Context,
  { organizationId, appointmentId, recipient, channel }: DeliveryRow,
  reminder: ReminderRow | null,
): Promise<Beside[]> {
  if (reminder === null || appointmentId === null) return []
  const all = await options.storage.reminders.list(organizationId, appointmentId)
  const beside = all.filter(
    (one) =>
      isSameRecipient(one.recipient, recipient) &&
      one.channel === channel &&
      one.offset === reminder.offset &&
      one.startsAt.getTime() === reminder.startsAt.getTime(),
  )
  const found: Beside[] = []
  for (const { status, reason, notificationId } of beside) {
    // One that was merged went to the same address.
    if (status !== 'CANCELLED' || reason === 'same_address') {
      const sent = notificationId === null ? null : await options.storage.deliveries.get(notificationId)
      // One of unknown outcome is a failed reminder, and may have arrived.
      found.push(status === 'FAILED' && sent?.state !== 'unknown' ? 'failed' : 'covers')
    }
  }
  return found
}

/** What takes the place of a message that was reported as failed, by the settings and wishes of now. */
export async function reportedFallback(context: Pick<Context, 'options'>, row: DeliveryRow): Promise<Fallback | null> {
  const { storage } = context.options
  const { organizationId, recipient, category, channel, state, unknownOutcomes } = row
  const idempotencyKey = row.sentWith === null ? row.idempotencyKey : keyAlong(row.idempotencyKey, row.id)
  // The report is about the last attempt: one before it may have arrived.
  if (unknownOutcomes > (state === 'unknown' ? 1 : 0)) return null
  const merged = await mergedInto(context, row)
  const refs = [recipient, ...merged].flatMap((one) => preferenceRefOf(one) ?? [])
  const [[settings], preferences] = await Promise.all([
    storage.settings.get([organizationId]),
    refs.length === 0 ? [] : storage.preferences.get(refs),
  ])
  const policy = policyOf(settings ?? null)
  const known = preferences.filter((one) => one.organizationId === organizationId)
  if (policy.fallback.length === 0 && known.every((one) => (one.fallback ?? []).length === 0)) return null
  const preferencesOf = (one: RecipientRef) => known.find((row) => isSameRecipient(row.recipient, one)) ?? null
  const about = { category, channel, root: (await rootOf(context, row)).channel }
  const surroundings = { policy, preferencesOf }
  const own = fallbackTo(surroundings, { ...about, recipient }, idempotencyKey)
  return together(own, surroundings, merged, about, idempotencyKey)
}

/** Others whom a message was for, as they had the same address. */
async function mergedInto(context: Pick<Context, 'options'>, row: DeliveryRow): Promise<readonly RecipientRef[]> {
  const { organizationId, appointmentId, reminderId, recipient, fallbackOf } = row
  if (fallbackOf !== null) {
    const siblings = siblingsIn(await sameKind(context, row), row)
    return siblings.filter(({ reason }) => reason === 'same_address').map((one) => one.recipient)
  }
  if (reminderId === null || appointmentId === null) {
    return parseRecipients(row.snapshot).filter((one) => !isSameRecipient(one, recipient))
  }
  const decisions = await context.options.storage.decisions.list(organizationId, appointmentId)
  const its = decisions.filter(({ entries }) =>
    entries.some(({ action, reminderId: id }) => id === reminderId && action !== 'merged'),
  )
  return its.flatMap(({ entries }) => entries.flatMap((one) => (one.action === 'merged' ? (one.recipient ?? []) : [])))
}
