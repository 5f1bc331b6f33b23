import type { AgingRow, KeyStore, MessagePlace, PersonalQueries, RecipientRef, Written } from '../../../../src/index.ts'
import * as records from '../../../../src/records/index.ts'
import type { Mode } from '../query.ts'
import type { Runner } from '../runner.ts'

type Aging = {
  readonly id: number
  readonly organization_id: string | null
  readonly updated_at: number
  readonly holds: number
}

/** `holds` has a bit for each kind, in their order. */
const decodeAging = ({ id, organization_id, updated_at, holds }: Aging): AgingRow => ({
  id,
  organizationId: organization_id ?? '',
  at: new Date(updated_at),
  holds: records.retentionKinds.filter((_, place) => (Number(holds) & (1 << place)) !== 0),
})

const recipientColumns = (ids: records.IdCodec, { type, id }: RecipientRef) => ({
  recipient_type: type,
  recipient_id: ids('recipient', id),
})

/** Before every message where there is no place. */
const placeColumns = (after: MessagePlace | null) =>
  after === null ? { created_at: 0, id: 0 } : { created_at: after.createdAt.getTime(), id: after.id }

/** Entries about somebody, and by somebody. */
function isAbout({ type, id }: RecipientRef): (row: records.Row<'notification_audit'>) => boolean {
  const { type: target } = records.recipientTarget({ type, id })
  const text = String(id)
  return (row) =>
    (row.target_type === target && row.target_id === text) || (row.actor_kind === target && row.actor_id === text)
}

type WrittenRow = Written & { readonly id: number }

/** What came from an address and was about consent. */
const decodeInbound = (row: records.Row<'notification_inbound'>): WrittenRow => {
  const { id, organization_id, channel, address, meaning, text, received_at } = row
  const organizationId = organization_id === '' ? null : organization_id
  return { id, organizationId, channel, address, meaning, text, at: new Date(received_at) }
}

/** What came from an address, and is for people to read. */
function decodeUnknown(row: records.Row<'notification_answers'>): WrittenRow[] {
  const { id, organization_id: organizationId, channel, address, message: text, answered_at } = row
  if (channel === null || address === null) return []
  return [{ id, organizationId, channel, address, meaning: null, text, at: new Date(answered_at) }]
}

const decodeBudget = ({ organization_id: organizationId, day, count }: records.Row<'notification_budgets'>) => ({
  organizationId,
  day,
  count,
})

/** Before every request where there is none. */
const firstRequest = { caller: '', key: '' }

export const personalQueries = <M extends Mode>({ all, first, change, read }: Runner<M>): PersonalQueries => ({
  messages: ({ recipient, after, left, limit }) =>
    all(({ personal }, { ids }) => {
      const asked = { ...recipientColumns(ids, recipient), ...placeColumns(after), limit }
      return [left ? personal.messagesLeft : personal.messages, asked]
    }, records.decodeDelivery),
  messagesTo: ({ channel, address, after, limit }) =>
    all(
      ({ personal }) => [personal.messagesTo, { channel, address, ...placeColumns(after), limit }],
      records.decodeDelivery,
    ),
  plansOf: (recipient, afterPlan, limit) =>
    all(
      ({ personal }, { ids }) => [personal.plansOf, { ...recipientColumns(ids, recipient), plan_id: afterPlan, limit }],
      records.decodePlanPart,
    ),
  sharedAddresses: (addresses, recipient) =>
    Promise.all(
      addresses.map(async ({ channel, address: recipient_address }) => {
        const shared = await first(
          ({ personal }, { ids }) => [
            personal.isShared,
            { ...recipientColumns(ids, recipient), channel, recipient_address },
          ],
          () => true,
        )
        return shared ?? false
      }),
    ),
  answers: (after, limit) =>
    all(
      ({ personal }) => [personal.answers, { ...(after ?? firstRequest), limit }],
      ({ caller, key, answer }) => ({ caller, key, answer: answer ?? '' }),
    ),
  replaceAnswer: async ({ caller, key }, before, answer) =>
    (await change(({ personal }) => [personal.replaceAnswer, { caller, key, before, answer }])) > 0,
  auditOf: (recipient, after, limit) =>
    read(function* ({ bind, statements: { personal } }, wait) {
      const rows = yield* wait(bind(personal.audit).all({ id: after, limit }))
      return { entries: rows.filter(isAbout(recipient)).map(records.decodeAudit), last: rows.at(-1)?.id ?? null }
    }),
  answersOf: (recipient, after, limit) =>
    all(
      ({ personal }, { ids }) => [personal.answersOf, { ...recipientColumns(ids, recipient), id: after, limit }],
      records.decodeAnswer,
    ),
  consentsOf: (recipient, after, limit) =>
    all(
      ({ personal }, { ids }) => [personal.consentsOf, { ...recipientColumns(ids, recipient), id: after, limit }],
      records.decodeConsent,
    ),
  written: async ({ table, after: id, ...query }) =>
    table === 'inbound'
      ? all(({ personal }) => [personal.inboundFrom, { ...query, id }], decodeInbound)
      : (await all(({ personal }) => [personal.answersFrom, { ...query, id }], decodeUnknown)).flat(),
  consentsBy: (addressId, id, limit) =>
    all(({ personal }) => [personal.consentsBy, { address_id: addressId, id, limit }], records.decodeConsent),
  linksOf: (recipient, hash, limit) =>
    all(
      ({ personal }, { ids }) => [personal.links, { ...recipientColumns(ids, recipient), hash, limit }],
      records.decodeLink,
    ),
  async budgetsOf(recipient, organizationIds) {
    const budgets = organizationIds.map((organization_id) =>
      all(
        ({ personal }, { ids }) => [personal.budget, { ...recipientColumns(ids, recipient), organization_id }],
        decodeBudget,
      ),
    )
    return (await Promise.all(budgets)).flat()
  },
  purgeHashes: (until, limit) => change(({ personal }) => [personal.purgeHashes, { until: until.getTime(), limit }]),
  aging: (table, after, limit) => all(({ personal }) => [personal.aging[table], { id: after, limit }], decodeAging),
})

export const keyStore = <M extends Mode>({ all, first, change, write }: Runner<M>): KeyStore => ({
  get: (name) =>
    first(
      ({ keys }) => [keys.get, { name }],
      ({ sealed }) => sealed,
    ),
  add: (name, sealed, at) =>
    write(function* ({ bind, statements: { keys } }, wait) {
      yield* wait(bind(keys.add).run({ name, sealed, created_at: at.getTime() }))
      return (yield* wait(bind(keys.get).get({ name })))?.sealed ?? sealed
    }),
  replace: async (name, before, sealed) => (await change(({ keys }) => [keys.replace, { name, before, sealed }])) > 0,
  previousAccounts: (after, limit) =>
    all(
      ({ keys }) => [keys.previousAccounts, { id: after, limit }],
      (row) => ({ ...records.decodePrevious(row), id: row.id }),
    ),
})
