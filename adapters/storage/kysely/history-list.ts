import type { DeliveryPage, DeliveryQuery, DeliveryRow, DeliveryState } from '../../../src/index.ts'
import { maxCountedTotal } from '../../../src/ports/storage/deliveries.ts'
import * as records from '../../../src/records/index.ts'
import { recipientTypes } from '../../../src/schemas/vocabulary.ts'
import { countUpTo, type Reader, readPlaces } from './merged-list.ts'
import type { RecordOf } from './query.ts'
import type { Branch, Equals, List } from './statements/branches.ts'
import type { HistoryFilter } from './statements/history.ts'

const encodeFilter = (ids: records.IdCodec, query: DeliveryQuery): HistoryFilter => {
  const { organizationId, recipientType, recipientId, appointmentId, waitlistEntryId } = query
  const { recipientAddress, channel, category, status, state, from, to } = query
  return {
    equals: {
      ...(organizationId !== undefined && { organization_id: organizationId }),
      ...(appointmentId !== undefined && { appointment_id: ids('appointment', appointmentId) }),
      ...(waitlistEntryId !== undefined && { waitlist_entry_id: ids('waitlistEntry', waitlistEntryId) }),
      ...(recipientAddress !== undefined && { recipient_address: recipientAddress }),
      ...(recipientType !== undefined && { recipient_type: recipientType }),
      ...(recipientId !== undefined && { recipient_id: ids('recipient', recipientId) }),
      ...(channel !== undefined && { notification_type: channel }),
      ...(category !== undefined && { notification_category: category }),
      ...(status !== undefined && { status }),
      ...(state !== undefined && { delivery_state: state }),
    },
    from: from?.getTime(),
    to: to?.getTime(),
  }
}

const history: List = { table: 'notification_history', time: 'created_at' }
const kinds = ['notification_category', 'notification_type', 'recipient_type'] as const
/** So many rows are read and sorted in a few milliseconds. */
const fewWaiting = 1000

type Found = {
  readonly branches: readonly Branch[]
  /** What the index of the branches does not know. */
  readonly also: Equals
}

/** Which index answers a question, and where in it: see the indexes of `notification_history` in `tables.ts`. */
async function branchesOf(reader: Reader, { equals }: HistoryFilter): Promise<Found> {
  const { appointment_id, waitlist_entry_id, recipient_address, recipient_id, recipient_type, ...rest } = equals
  const others = recipient_address === undefined ? rest : { ...rest, recipient_address }
  const typed = recipient_type === undefined ? {} : { recipient_type }
  const ofRecipient = recipient_id === undefined ? typed : { ...typed, recipient_id }
  if (appointment_id !== undefined) {
    const ofEntry = waitlist_entry_id === undefined ? {} : { waitlist_entry_id }
    const branch = { equals: { appointment_id }, present: ['appointment_id'] }
    return { branches: [branch], also: { ...ofEntry, ...ofRecipient, ...others } }
  }
  if (waitlist_entry_id !== undefined) {
    const branch = { equals: { waitlist_entry_id }, present: ['waitlist_entry_id'] }
    return { branches: [branch], also: { ...ofRecipient, ...others } }
  }
  if (recipient_address !== undefined) {
    const branch = { equals: { recipient_address }, present: ['recipient_address'] }
    return { branches: [branch], also: { ...ofRecipient, ...rest } }
  }
  if (recipient_id !== undefined) {
    const types = recipient_type === undefined ? recipientTypes : [recipient_type]
    return { branches: types.map((type) => ({ equals: { recipient_type: type, recipient_id } })), also: others }
  }
  const { organization_id, ...asked } = equals
  const settled = await settledOf(reader, asked, organization_id)
  return { branches: [...settled, ...(await openOf(reader, asked, organization_id))], also: {} }
}

type Asked = Omit<HistoryFilter['equals'], 'organization_id'>

/** What is settled has a status, and nothing more is due of it. */
async function settledOf(
  reader: Reader,
  { delivery_state: state, ...asked }: Asked,
  organization: string | undefined,
): Promise<Branch[]> {
  if (state !== undefined && state !== 'settled') return []
  if (organization === undefined && Object.keys(asked).length === 0) return [{ equals: {}, present: ['status'] }]
  const settled = { equals: of(organization), present: ['status'] }
  return combinations(reader, asked, settled, ['status', ...kinds])
}

/** What rests unsettled, what waits, and what is being sent: it has no status. */
async function openOf(reader: Reader, asked: Asked, organization: string | undefined): Promise<Branch[]> {
  const { delivery_state: state, ...others } = asked
  if (asked.status !== undefined || state === 'settled') return []
  const isAsked = (one: DeliveryState) => state === undefined || state === one
  const resting = { equals: { ...of(organization), due_at: null, status: null } }
  // Never more than are sent at once.
  const sending = { equals: {}, words: { delivery_state: 'sending' }, beside: { ...of(organization), ...others } }
  return [
    ...(await combinations(reader, asked, resting, ['delivery_state', ...kinds])),
    ...(isAsked('queued') ? await queuedOf(reader, others, organization) : []),
    ...(isAsked('sending') ? [sending] : []),
  ]
}

/** Of an organization, whose few rows are sorted, or whose many are found among those of all. */
async function queuedOf(reader: Reader, asked: Asked, organization: string | undefined): Promise<Branch[]> {
  const isQueued = { words: { delivery_state: 'queued' }, present: ['due_at'] }
  const waiting = { ...isQueued, equals: {}, beside: of(organization) }
  if (organization !== undefined) {
    const own = { ...isQueued, equals: of(organization) }
    const [found] = await reader.ask(({ builder, lists, dialect }) =>
      lists.sizeOf(builder, history, own, fewWaiting + 1, dialect),
    )
    const size = found?.total ?? 0
    if (size <= fewWaiting) return size === 0 ? [] : [{ ...own, beside: asked }]
  }
  return combinations(reader, asked, waiting, kinds)
}

const of = (organization: string | undefined) => (organization === undefined ? {} : { organization_id: organization })

async function combinations(reader: Reader, asked: Asked, part: Branch, columns: readonly string[]): Promise<Branch[]> {
  const found = await reader.ask(({ builder, lists, dialect }) =>
    lists.combinationsOf(builder, history, part, columns, dialect),
  )
  return found
    .filter((values) => Object.entries(asked).every(([column, value]) => values[column] === value))
    .map((values) => ({ ...part, equals: { ...part.equals, ...values } }))
}

/** SQLite takes some thousand parameters in a statement. */
const atOnce = 500

async function inLots<V>(
  values: readonly V[],
  rowsOf: (some: readonly V[]) => Promise<readonly RecordOf<'notification_history'>[]>,
): Promise<DeliveryRow[]> {
  const found: DeliveryRow[] = []
  for (let start = 0; start < values.length; start += atOnce)
    found.push(...(await rowsOf(values.slice(start, start + atOnce))).map(records.decodeDelivery))
  return found
}

export const deliveriesOfProvider = (reader: Reader, messageIds: readonly string[]): Promise<DeliveryRow[]> =>
  inLots(messageIds, (some) => reader.ask(({ builder, lists }) => lists.providerRows(builder, some)))

export async function deliveriesSentWith(reader: Reader, ids: readonly number[]): Promise<DeliveryRow[]> {
  const found = await inLots(ids, (some) => reader.ask(({ builder, lists }) => lists.rowsSentWith(builder, some)))
  return found.toSorted((one, other) => one.id - other.id)
}

/** A page of deliveries, and how many there are on all pages, as far as that is counted. */
export async function listDeliveries(reader: Reader, query: DeliveryQuery): Promise<DeliveryPage> {
  const { limit, offset, after } = query
  const filter = encodeFilter(reader.ids, query)
  const { branches, also } = await branchesOf(reader, filter)
  if (branches.length === 0) return { rows: [], total: 0, totalIsExact: true }
  const whole = { list: history, branches, span: { from: filter.from, to: filter.to, also } }
  const from = after === undefined ? undefined : { at: after.createdAt.getTime(), id: after.id }
  const places = await readPlaces(reader, { ...whole, span: { ...whole.span, after: from } }, { limit, offset })
  const found =
    places.length === 0
      ? []
      : await reader.ask(({ builder, lists }) =>
          lists.historyRows(
            builder,
            places.map(({ id }) => id),
          ),
        )
  const rowOf = new Map(found.map((row) => [row.id, row]))
  const rows = places.flatMap(({ id }) => rowOf.get(id) ?? []).map(records.decodeDelivery)
  const isFirst = offset === 0 && after === undefined
  const count = isFirst && rows.length < limit ? rows.length : await countUpTo(reader, whole, maxCountedTotal)
  return { rows, total: Math.min(count, maxCountedTotal), totalIsExact: count <= maxCountedTotal }
}
