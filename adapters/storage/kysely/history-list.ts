import { countedAtMost, type DeliveryPage, type DeliveryQuery, recipientTypes } from '../../../src/index.ts'
import { decodeDelivery, encodeFilter } from './codecs/deliveries.ts'
import { countUpTo, type Reader, readPlaces } from './merged-list.ts'
import type { Branch, Equals, List } from './statements/branches.ts'
import type { HistoryFilter } from './statements/history.ts'

const history: List = { table: 'notification_history', time: 'created_at' }
const kinds = ['notification_category', 'notification_type', 'recipient_type'] as const

type Found = {
  readonly branches: readonly Branch[]
  /** What the index of the branches does not know. */
  readonly also: Equals
}

/** Which index answers a question, and where in it: see the indexes of `notification_history` in `tables.ts`. */
async function branchesOf(reader: Reader, { equals }: HistoryFilter): Promise<Found> {
  const { appointment_id, waitlist_entry_id, recipient_id, recipient_type, ...others } = equals
  const typed = recipient_type === undefined ? {} : { recipient_type }
  const ofRecipient = recipient_id === undefined ? typed : { ...typed, recipient_id }
  if (appointment_id !== undefined) {
    const ofEntry = waitlist_entry_id === undefined ? {} : { waitlist_entry_id }
    const branch = { equals: { appointment_id }, present: 'appointment_id' }
    return { branches: [branch], also: { ...ofEntry, ...ofRecipient, ...others } }
  }
  if (waitlist_entry_id !== undefined) {
    const branch = { equals: { waitlist_entry_id }, present: 'waitlist_entry_id' }
    return { branches: [branch], also: { ...ofRecipient, ...others } }
  }
  if (recipient_id !== undefined) {
    const types = recipient_type === undefined ? recipientTypes : [recipient_type]
    return { branches: types.map((type) => ({ equals: { recipient_type: type, recipient_id } })), also: others }
  }
  return { branches: [...(await settledOf(reader, equals)), ...(await openOf(reader, equals))], also: {} }
}

/** What is settled has a status. */
async function settledOf(
  reader: Reader,
  { delivery_state: state, ...asked }: HistoryFilter['equals'],
): Promise<Branch[]> {
  if (state !== undefined && state !== 'settled') return []
  if (Object.keys(asked).length === 0) return [{ equals: {}, present: 'status' }]
  return combinations(reader, asked, { equals: {}, present: 'status' }, ['status', ...kinds])
}

async function openOf(reader: Reader, { status, ...asked }: HistoryFilter['equals']): Promise<Branch[]> {
  if (status !== undefined || asked.delivery_state === 'settled') return []
  return combinations(reader, asked, { equals: { status: null } }, ['delivery_state', ...kinds])
}

async function combinations(
  reader: Reader,
  { organization_id, ...asked }: HistoryFilter['equals'],
  { equals, ...rest }: Branch,
  columns: readonly string[],
): Promise<Branch[]> {
  const part = { ...rest, equals: organization_id === undefined ? equals : { ...equals, organization_id } }
  const found = await reader.ask(({ builder, lists, merging }) =>
    lists.combinationsOf(builder, history, part, columns, merging),
  )
  return found
    .filter((values) => Object.entries(asked).every(([column, value]) => values[column] === value))
    .map((values) => ({ ...part, equals: { ...part.equals, ...values } }))
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
  const rows = places.flatMap(({ id }) => rowOf.get(id) ?? []).map(decodeDelivery)
  const isFirst = offset === 0 && after === undefined
  const count = isFirst && rows.length < limit ? rows.length : await countUpTo(reader, whole, countedAtMost)
  return { rows, total: Math.min(count, countedAtMost), totalIsExact: count <= countedAtMost }
}
