import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { AnswerRow, BudgetCount, LinkRow, ReminderRow, Written } from '../../ports/storage.ts'
import type { AuditRecord } from '../../schemas/audit.ts'
import { type EntityId, fieldInvalid, type RecipientRef } from '../../schemas/common.ts'
import type { ConsentRecord } from '../../schemas/consent.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import type { Preferences } from '../../schemas/preferences.ts'
import type { Context } from '../shared/context.ts'
import { showPreferences } from '../shared/settings-view.ts'
import { type Notification, showNotification } from '../shared/views.ts'
import { type ExportedAddress, heldOf, preferencesOf, reachOf, reachOfPreferences } from './export-addresses.ts'

/** A message with all data held about it. */
export type ExportedMessage = Notification & {
  /** What was kept about the appointment and its recipients in case the appointment is deleted, as JSON; null: nothing. */
  readonly snapshot: string | null
}
/** What was decided about somebody in one command. */
export type ExportedDecision = {
  readonly at: Date
  readonly organizationId: string
  readonly appointmentId: EntityId
  readonly entries: readonly DecisionEntry[]
}

/** A link in a message. `purpose` is `revoked` if it no longer opens anything. */
export type ExportedLink = Omit<LinkRow, 'hash' | 'contact' | 'recipient'>

/** A page of all data held about a person. An address or appointment of several messages can be on several pages. */
export type RecipientExport = {
  readonly recipient: RecipientRef
  /** Only on the first page; null: none are stored. */
  readonly preferences: Preferences | null
  readonly messages: readonly ExportedMessage[]
  /** What is known of the addresses on this page. */
  readonly addresses: readonly ExportedAddress[]
  /** Of the appointments on this page. */
  readonly reminders: readonly ReminderRow[]
  readonly decisions: readonly ExportedDecision[]
  /** The person's answers about appointments, and texts that needed a person to read them. */
  readonly answers: readonly AnswerRow[]
  /** Other texts from addresses that nobody else has; a long list continues on pages of its own. */
  readonly written: readonly Written[]
  /** The person's consents and refusals, and those from addresses that nobody else has. */
  readonly consents: readonly ConsentRecord[]
  /** Links in messages to the person that still exist, without their tokens. */
  readonly links: readonly ExportedLink[]
  /** For organizations with a daily budget: how many messages the person got on the last day with any. */
  readonly budgets: readonly BudgetCount[]
  /** Entries about the person, or about what the person did. */
  readonly audit: readonly AuditRecord[]
  /** `cursor` of the next page; null on the last. */
  readonly nextCursor: string | null
}

const messagesAtOnce = 100
const plansAtOnce = 50
const answersAtOnce = 200
const linksAtOnce = 200
/** Entries of the audit log are found by looking at all of them. */
const auditAtOnce = 1000
const auditLooks = 50

const placeSchema = z.union([
  z.tuple([z.literal('messages'), z.int(), z.int()]),
  // What was written from addresses of the messages after a place, from one of these on: by which message, of which source, after which row.
  z.tuple([z.literal('written'), z.int(), z.int(), z.int(), z.int(), z.int()]),
  z.tuple([z.enum(['plans', 'answers', 'consents', 'audit']), z.int()]),
  z.tuple([z.literal('links'), z.string()]),
])
type Place = z.infer<typeof placeSchema>

/** Where an export is, and in the audit log of which organizations it is already, by short digests of their ids. */
const cursorSchema = z.strictObject({ place: placeSchema, audited: z.array(z.string()) })
type Cursor = z.infer<typeof cursorSchema>

/** A cursor is part of a URL. */
const longestCursor = 1200

/** Of very many organizations the first are left out where the cursor would be too long: they are audited once more. */
function written({ place, audited }: Cursor): string {
  const cursor = Buffer.from(JSON.stringify({ place, audited })).toString('base64url')
  return cursor.length <= longestCursor || audited.length === 0 ? cursor : written({ place, audited: audited.slice(1) })
}

function readCursor(cursor: string | undefined): Cursor {
  if (cursor === undefined) return { place: ['messages', 0, 0], audited: [] }
  try {
    return cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
  } catch {
    throw fieldInvalid('cursor', 'must be the nextCursor of the previous page')
  }
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 8)

type Subject = { readonly organizationId: string; readonly appointmentId: EntityId | null }
type Part = Omit<RecipientExport, 'recipient' | 'preferences' | 'budgets' | 'nextCursor'> & {
  readonly next: Place | null
}
const nothing: Part = {
  ...{ messages: [], addresses: [], reminders: [], decisions: [], answers: [], written: [], consents: [], links: [] },
  audit: [],
  next: null,
}

/**
 * One page; its cost is bounded by its rows. `audit` is called for each organization as the first of its rows comes, and for the first page
 * in any case.
 */
export async function exportPage(
  context: Context,
  recipient: RecipientRef,
  given: string | undefined,
  audit: (organizationId: string) => Promise<void>,
): Promise<RecipientExport> {
  const { place, audited } = readCursor(given)
  const { next, ...page } = await pageAt(context, recipient, place, given === undefined)
  const rows = [
    ...[page.preferences, ...page.messages, ...page.reminders, ...page.decisions, ...page.addresses],
    ...[...page.answers, ...page.written, ...page.consents, ...page.links, ...page.audit],
  ]
  const found = rows.flatMap((row) => row?.organizationId || [])
  const owners = given === undefined && found.length === 0 ? [await organizationOf(context, recipient)] : found
  const fresh = [...new Set(owners)].filter((id) => !audited.includes(digestOf(id)))
  for (const id of fresh) await audit(id)
  const budgets = await context.options.storage.personal.budgetsOf(recipient, fresh)
  const nextCursor = next === null ? null : written({ place: next, audited: [...audited, ...fresh.map(digestOf)] })
  return { recipient, ...page, budgets, nextCursor }
}

/** Whose somebody is of whom nothing is held: by the directory; '' where that does not say. */
export async function organizationOf({ host }: Context, recipient: RecipientRef): Promise<string> {
  const profile = await host.recipient(recipient).catch(() => null)
  return profile?.organizationId ?? ''
}

async function pageAt(
  context: Context,
  recipient: RecipientRef,
  place: Place,
  isFirst: boolean,
): Promise<Part & Pick<RecipientExport, 'preferences'>> {
  const part = await partAt(context, recipient, place)
  const stored = isFirst ? await preferencesOf(context, recipient) : null
  return { preferences: stored === null ? null : showPreferences(stored), ...part }
}

async function partAt(context: Context, recipient: RecipientRef, place: Place): Promise<Part> {
  const { storage } = context.options
  if (place[0] === 'messages' || place[0] === 'written') {
    const [kind, createdAt, id] = place
    const begin = { createdAt: new Date(createdAt), id }
    const rows = await storage.personal.messages({ recipient, after: begin, left: false, limit: messagesAtOnce })
    const last = rows.at(-1)
    const isLast = last === undefined || rows.length < messagesAtOnce
    const preferred = createdAt === 0 && id === 0 ? await reachOfPreferences(context, recipient) : []
    const reach = [...preferred, ...reachOf(rows)]
    const from = place[0] === 'written' ? ([place[3], place[4], place[5]] as const) : null
    const { addresses, left, ...said } = await heldOf(context, recipient, reach, from)
    const after: Place = isLast ? ['plans', 0] : ['messages', last.createdAt.getTime(), last.id]
    const next: Place = left === null ? after : ['written', createdAt, id, ...left]
    if (kind === 'written') return { ...nothing, ...said, next }
    return {
      ...nothing,
      ...said,
      next,
      ...(await subjectsOf(context, recipient, rows)),
      messages: rows.map((row) => ({ ...showNotification(row), snapshot: row.snapshot })),
      addresses,
    }
  }
  if (place[0] === 'plans') {
    const plans = await storage.personal.plansOf(recipient, place[1], plansAtOnce)
    const last = plans.at(-1)
    const isLast = last === undefined || plans.length < plansAtOnce
    return {
      ...nothing,
      ...(await subjectsOf(context, recipient, plans)),
      next: isLast ? ['answers', 0] : ['plans', last.planId],
    }
  }
  if (place[0] === 'answers') {
    const answers = await storage.personal.answersOf(recipient, place[1], answersAtOnce)
    const last = answers.length < answersAtOnce ? undefined : answers.at(-1)
    return { ...nothing, answers, next: last === undefined ? ['consents', 0] : ['answers', last.id] }
  }
  if (place[0] === 'consents') {
    const consents = await storage.personal.consentsOf(recipient, place[1], answersAtOnce)
    const last = consents.length < answersAtOnce ? undefined : consents.at(-1)
    return { ...nothing, consents, next: last === undefined ? ['links', ''] : ['consents', last.id] }
  }
  if (place[0] === 'links') {
    const rows = await storage.personal.linksOf(recipient, place[1], linksAtOnce)
    const last = rows.length < linksAtOnce ? undefined : rows.at(-1)
    const links = rows.map(({ hash: _hash, contact: _contact, recipient: _recipient, ...link }) => link)
    return { ...nothing, links, next: last === undefined ? ['audit', 0] : ['links', last.hash] }
  }
  let after = place[1]
  for (let look = 0; look < auditLooks; look += 1) {
    const { entries, last } = await storage.personal.auditOf(recipient, after, auditAtOnce)
    if (last === null) return nothing
    after = last
    if (entries.length > 0) return { ...nothing, audit: entries, next: ['audit', last] }
  }
  return { ...nothing, next: ['audit', after] }
}

/** The person's reminders and decisions of these appointments. */
async function subjectsOf({ options: { storage } }: Context, recipient: RecipientRef, subjects: readonly Subject[]) {
  const known = new Map(subjects.map((one) => [`${one.organizationId} ${one.appointmentId}`, one]))
  const reminders: ReminderRow[] = []
  const decisions: ExportedDecision[] = []
  const isOwn = ({ type, id }: RecipientRef) => type === recipient.type && String(id) === String(recipient.id)
  for (const { organizationId, appointmentId } of known.values()) {
    if (appointmentId === null) continue
    const rows = await storage.reminders.list(organizationId, appointmentId)
    reminders.push(...rows.filter((row) => isOwn(row.recipient)))
    for (const { at, entries } of await storage.decisions.list(organizationId, appointmentId)) {
      const own = entries.filter((entry) => entry.recipient !== undefined && isOwn(entry.recipient))
      if (own.length > 0) decisions.push({ at, organizationId, appointmentId, entries: own })
    }
  }
  return { reminders, decisions }
}
