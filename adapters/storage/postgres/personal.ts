import type { KeyStore, PersonalQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import {
  decodeAging,
  decodeBudget,
  decodeInbound,
  decodeUnknown,
  firstRequest,
  isAbout,
  placeColumns,
  recipientColumns,
} from '../kysely/aging.ts'
import type { Engine } from './engine.ts'

export const personalStore = (engine: Engine): PersonalQueries => ({
  messages: ({ recipient, after, left, limit }) =>
    engine.read(async ({ statements: { personal }, ids }) => {
      const asked = { ...recipientColumns(ids, recipient), ...placeColumns(after), limit }
      return (await (left ? personal.messagesLeft : personal.messages).all(asked)).map(records.decodeDelivery)
    }),
  messagesTo: ({ channel, address, after, limit }) =>
    engine.read(async ({ statements: { personal } }) =>
      (await personal.messagesTo.all({ channel, address, ...placeColumns(after), limit })).map(records.decodeDelivery),
    ),
  plansOf: (recipient, afterPlan, limit) =>
    engine.read(async ({ statements: { personal }, ids }) => {
      const asked = { ...recipientColumns(ids, recipient), plan_id: afterPlan, limit }
      return (await personal.plansOf.all(asked)).map(records.decodePlanPart)
    }),
  sharedAddresses: (addresses, recipient) =>
    engine.read(({ statements: { personal }, ids }) =>
      Promise.all(
        addresses.map(async ({ channel, address }) => {
          const asked = { ...recipientColumns(ids, recipient), channel, recipient_address: address }
          return (await personal.isShared.get(asked)) !== undefined
        }),
      ),
    ),
  answers: (after, limit) =>
    engine.read(async ({ statements: { personal } }) => {
      const rows = await personal.answers.all({ ...(after ?? firstRequest), limit })
      return rows.map(({ caller, key, answer }) => ({ caller, key, answer: answer ?? '' }))
    }),
  replaceAnswer: ({ caller, key }, before, answer) =>
    engine.read(
      async ({ statements: { personal } }) =>
        (await personal.replaceAnswer.run({ caller, key, before, answer })).changes > 0,
    ),
  auditOf: (recipient, after, limit) =>
    engine.read(async ({ statements: { personal } }) => {
      const rows = await personal.audit.all({ id: after, limit })
      return { entries: rows.filter(isAbout(recipient)).map(records.decodeAudit), last: rows.at(-1)?.id ?? null }
    }),
  answersOf: (recipient, after, limit) =>
    engine.read(async ({ statements: { personal }, ids }) =>
      (await personal.answersOf.all({ ...recipientColumns(ids, recipient), id: after, limit })).map(
        records.decodeAnswer,
      ),
    ),
  consentsOf: (recipient, after, limit) =>
    engine.read(async ({ statements: { personal }, ids }) =>
      (await personal.consentsOf.all({ ...recipientColumns(ids, recipient), id: after, limit })).map(
        records.decodeConsent,
      ),
    ),
  written: ({ table, after: id, ...query }) =>
    engine.read(async ({ statements: { personal } }) =>
      table === 'inbound'
        ? (await personal.inboundFrom.all({ ...query, id })).map(decodeInbound)
        : (await personal.answersFrom.all({ ...query, id })).flatMap(decodeUnknown),
    ),
  consentsBy: (addressId, id, limit) =>
    engine.read(async ({ statements: { personal } }) =>
      (await personal.consentsBy.all({ address_id: addressId, id, limit })).map(records.decodeConsent),
    ),
  linksOf: (recipient, hash, limit) =>
    engine.read(async ({ statements: { personal }, ids }) =>
      (await personal.links.all({ ...recipientColumns(ids, recipient), hash, limit })).map(records.decodeLink),
    ),
  budgetsOf: (recipient, organizationIds) =>
    engine.read(async ({ statements: { personal }, ids }) => {
      const rows = await Promise.all(
        organizationIds.map((organization_id) =>
          personal.budget.all({ ...recipientColumns(ids, recipient), organization_id }),
        ),
      )
      return rows.flat().map(decodeBudget)
    }),
  purgeHashes: (until, limit) =>
    engine.read(
      async ({ statements: { personal } }) =>
        (await personal.purgeHashes.run({ until: until.getTime(), limit })).changes,
    ),
  aging: (table, after, limit) =>
    engine.read(async ({ statements: { personal } }) =>
      (await personal.aging[table].all({ id: after, limit })).map(decodeAging),
    ),
})

export const keyStore = (engine: Engine): KeyStore => ({
  get: (name) => engine.read(async ({ statements: { keys } }) => (await keys.get.get({ name }))?.sealed ?? null),
  add: (name, sealed, at) =>
    engine.read(async ({ statements: { keys } }) => {
      await keys.add.run({ name, sealed, created_at: at.getTime() })
      return (await keys.get.get({ name }))?.sealed ?? sealed
    }),
  replace: (name, before, sealed) =>
    engine.read(async ({ statements: { keys } }) => (await keys.replace.run({ name, before, sealed })).changes > 0),
  previousAccounts: (after, limit) =>
    engine.read(async ({ statements: { keys } }) => {
      const rows = await keys.previousAccounts.all({ id: after, limit })
      return rows.map((row) => ({ ...records.decodePrevious(row), id: row.id }))
    }),
})
