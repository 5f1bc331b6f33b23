import { z } from 'zod'
import { channels } from '../../channels/index.ts'
import { addressKey } from '../../domain/effective.ts'
import type { AddressRef, AddressRow, DeliveryRow, ReminderRow } from '../../ports/storage.ts'
import type { AuditRecord } from '../../schemas/audit.ts'
import { channelPreferences } from '../../schemas/channel-settings.ts'
import { type EntityId, fieldInvalid, type RecipientRef } from '../../schemas/common.ts'
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
  /** Entries about the person, or about what the person did. */
  readonly audit: readonly AuditRecord[]
  /** For `cursor` of the next page; null on the last. */
  readonly nextCursor: string | null
}

const messagesAtOnce = 100
const plansAtOnce = 50
/** Entries of the audit log are found by looking at all of them. */
const auditAtOnce = 1000
const auditLooks = 50

const placeSchema = z.union([
  z.tuple([z.literal('messages'), z.int(), z.int()]),
  z.tuple([z.literal('plans'), z.int()]),
  z.tuple([z.literal('audit'), z.int()]),
])
type Place = z.infer<typeof placeSchema>

const written = (place: Place): string => Buffer.from(JSON.stringify(place)).toString('base64url')

function readPlace(cursor: string | undefined): Place {
  if (cursor === undefined) return ['messages', 0, 0]
  try {
    return placeSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
  } catch {
    throw fieldInvalid('cursor', 'must be the nextCursor of the previous page')
  }
}

type Subject = { readonly organizationId: string; readonly appointmentId: EntityId | null }
type Part = Pick<RecipientExport, 'messages' | 'addresses' | 'reminders' | 'decisions' | 'audit' | 'nextCursor'>
const nothing: Part = { messages: [], addresses: [], reminders: [], decisions: [], audit: [], nextCursor: null }

/** One page; its cost is bounded by its rows. */
export async function exportPage(context: Context, recipient: RecipientRef, cursor?: string): Promise<RecipientExport> {
  const { storage } = context.options
  const place = readPlace(cursor)
  const { type, id } = recipient
  const [stored = null] =
    cursor !== undefined || type === 'PRACTITIONER' ? [] : await storage.preferences.get([{ type, id }])
  const part = await partAt(context, recipient, place)
  if (stored === null) return { recipient, preferences: null, ...part }
  const { organizationId } = stored
  const refs = channels.flatMap((channel) => {
    const { address } = channelPreferences(stored, channel)
    return address === null ? [] : [{ organizationId, channel, address: addressKey(channel, address) }]
  })
  const own = await addressesOf(context, refs)
  const addresses = [...own, ...part.addresses.filter((one) => !own.some((other) => isSame(one, other)))]
  return { recipient, preferences: showPreferences(stored), ...part, addresses }
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
      addresses: await addressesOf(context, reachOf(rows)),
      nextCursor: isLast ? written(['plans', 0]) : written(['messages', last.createdAt.getTime(), last.id]),
    }
  }
  if (place[0] === 'plans') {
    const plans = await storage.personal.plansOf(recipient, place[1], plansAtOnce)
    const last = plans.at(-1)
    const isLast = last === undefined || plans.length < plansAtOnce
    return {
      ...nothing,
      ...(await subjectsOf(context, recipient, plans)),
      nextCursor: isLast ? written(['audit', 0]) : written(['plans', last.planId]),
    }
  }
  let after = place[1]
  for (let look = 0; look < auditLooks; look += 1) {
    const { entries, last } = await storage.personal.auditOf(recipient, after, auditAtOnce)
    if (last === null) return nothing
    after = last
    if (entries.length > 0) return { ...nothing, audit: entries, nextCursor: written(['audit', last]) }
  }
  return { ...nothing, nextCursor: written(['audit', after]) }
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

async function addressesOf({ options: { storage } }: Context, refs: readonly AddressRef[]): Promise<ExportedAddress[]> {
  if (refs.length === 0) return []
  const known = new Map(refs.map((one) => [JSON.stringify([one.organizationId, one.channel, one.address]), one]))
  const rows = await storage.addresses.find([...known.values()])
  return rows.map(({ id: _id, ...row }) => row)
}
