import { createHash } from 'node:crypto'
import { z } from 'zod'
import { channels } from '../../channels/index.ts'
import { addressKey } from '../../domain/effective.ts'
import {
  type AddressRef,
  type AddressRow,
  type AnswerRow,
  type DeliveryRow,
  type ReminderRow,
  sharedSender,
  type Written,
} from '../../ports/storage.ts'
import type { AuditRecord } from '../../schemas/audit.ts'
import { channelPreferences } from '../../schemas/channel-settings.ts'
import { type EntityId, fieldInvalid, type RecipientRef } from '../../schemas/common.ts'
import type { ConsentRecord } from '../../schemas/consent.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import type { Preferences } from '../../schemas/preferences.ts'
import type { Context } from '../shared/context.ts'
import { showPreferences } from '../shared/settings-view.ts'
import { type Notification, showNotification } from '../shared/views.ts'

/** A message with all that is held of it. */
export type ExportedMessage = Notification & {
  /** What was kept of the appointment and its recipients for the case that the appointment is deleted, as JSON; null: nothing. */
  readonly snapshot: string | null
}
/** What was decided about somebody in one command. */
export type ExportedDecision = {
  readonly at: Date
  readonly organizationId: string
  readonly appointmentId: EntityId
  readonly entries: readonly DecisionEntry[]
}
/** `organizationId` '': by the sender that several organizations share. */
export type ExportedAddress = Omit<AddressRow, 'id'>

/** A page of all that is held about a person. Addresses and appointments of several messages may be on several pages. */
export type RecipientExport = {
  readonly recipient: RecipientRef
  /** On the first page; null: none are stored. */
  readonly preferences: Preferences | null
  readonly messages: readonly ExportedMessage[]
  /** What is known of the addresses on this page. */
  readonly addresses: readonly ExportedAddress[]
  /** Of the appointments on this page. */
  readonly reminders: readonly ReminderRow[]
  readonly decisions: readonly ExportedDecision[]
  /** What the person answered about appointments, or wrote for people to read. */
  readonly answers: readonly AnswerRow[]
  /** What came from the addresses on this page that nobody else has, besides the answers: the last 1,000 of each address. */
  readonly written: readonly Written[]
  /** What the person refused and gave; and what was said by the addresses on this page that nobody else has. */
  readonly consents: readonly ConsentRecord[]
  /** Entries about the person, or about what the person did. */
  readonly audit: readonly AuditRecord[]
  /** For `cursor` of the next page; null on the last. */
  readonly nextCursor: string | null
}

const messagesAtOnce = 100
const plansAtOnce = 50
const answersAtOnce = 200
const writtenAtOnce = 1000
/** Entries of the audit log are found by looking at all of them. */
const auditAtOnce = 1000
const auditLooks = 50

const placeSchema = z.union([
  z.tuple([z.literal('messages'), z.int(), z.int()]),
  z.tuple([z.enum(['plans', 'answers', 'consents', 'audit']), z.int()]),
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
type Part = Omit<RecipientExport, 'recipient' | 'preferences' | 'nextCursor'> & { readonly next: Place | null }
const nothing: Part = {
  ...{ messages: [], addresses: [], reminders: [], decisions: [], answers: [], written: [], consents: [], audit: [] },
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
    ...[...page.answers, ...page.written, ...page.consents, ...page.audit],
  ]
  const found = rows.flatMap((row) => row?.organizationId || [])
  const owners = given === undefined && found.length === 0 ? [await organizationOf(context, recipient)] : found
  const fresh = [...new Set(owners)].filter((id) => !audited.includes(digestOf(id)))
  for (const id of fresh) await audit(id)
  const nextCursor = next === null ? null : written({ place: next, audited: [...audited, ...fresh.map(digestOf)] })
  return { recipient, ...page, nextCursor }
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
  const { storage } = context.options
  const { type, id } = recipient
  const [stored = null] = !isFirst || type === 'PRACTITIONER' ? [] : await storage.preferences.get([{ type, id }])
  const part = await partAt(context, recipient, place)
  if (stored === null) return { preferences: null, ...part }
  const { organizationId } = stored
  const refs = channels.flatMap((channel) => {
    const { address } = channelPreferences(stored, channel)
    return address === null ? [] : [{ organizationId, channel, address: addressKey(channel, address) }]
  })
  const more = refs.filter((one) => !part.addresses.some((other) => isSame(one, other)))
  const own = await heldOf(context, recipient, more)
  return {
    preferences: showPreferences(stored),
    ...part,
    addresses: [...own.addresses, ...part.addresses],
    written: [...own.written, ...part.written],
    consents: [...own.consents, ...part.consents],
  }
}

async function partAt(context: Context, recipient: RecipientRef, place: Place): Promise<Part> {
  const { storage } = context.options
  if (place[0] === 'messages') {
    const after = { createdAt: new Date(place[1]), id: place[2] }
    const rows = await storage.personal.messages({ recipient, after, left: false, limit: messagesAtOnce })
    const last = rows.at(-1)
    const isLast = last === undefined || rows.length < messagesAtOnce
    return {
      ...nothing,
      ...(await subjectsOf(context, recipient, rows)),
      messages: rows.map((row) => ({ ...showNotification(row), snapshot: row.snapshot })),
      ...(await heldOf(context, recipient, reachOf(rows))),
      next: isLast ? ['plans', 0] : ['messages', last.createdAt.getTime(), last.id],
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
    return { ...nothing, consents, next: last === undefined ? ['audit', 0] : ['consents', last.id] }
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

const reachOf = (rows: readonly DeliveryRow[]): AddressRef[] =>
  rows.flatMap(({ organizationId, channel, recipientAddress: address }) =>
    address === null ? [] : [{ organizationId, channel, address }],
  )

const isSame = (one: AddressRef, other: AddressRef): boolean =>
  one.organizationId === other.organizationId && one.channel === other.channel && one.address === other.address

/** What is held of these addresses, and of what came from them, unless others have them too. */
async function heldOf(
  { options: { storage } }: Context,
  recipient: RecipientRef,
  refs: readonly AddressRef[],
): Promise<Pick<Part, 'addresses' | 'written' | 'consents'>> {
  if (refs.length === 0) return nothing
  const known = new Map(refs.map((one) => [JSON.stringify([one.organizationId, one.channel, one.address]), one]))
  const shared = [...known.values()].map((one) => ({ ...one, organizationId: sharedSender }))
  const rows = await storage.addresses.find([...known.values(), ...shared])
  const all = [...new Map(refs.map(({ channel, address }) => [`${channel} ${address}`, { channel, address }])).values()]
  const ofOthers = await storage.personal.sharedAddresses(all, recipient)
  const own = all.filter((_, index) => ofOthers[index] !== true)
  const isOwn = (row: AddressRow) =>
    own.some(({ channel, address }) => channel === row.channel && address === row.address)
  const wrote = await Promise.all(own.map((one) => storage.personal.written(one, writtenAtOnce)))
  const said = await Promise.all(rows.filter(isOwn).map(({ id }) => storage.personal.consentsBy(id, writtenAtOnce)))
  return { addresses: rows.map(({ id: _id, ...row }) => row), written: wrote.flat(), consents: said.flat() }
}
