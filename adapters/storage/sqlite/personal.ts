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
    engine.read(({ statements: { personal }, ids }) => {
      const asked = { ...recipientColumns(ids, recipient), ...placeColumns(after), limit }
      return (left ? personal.messagesLeft : personal.messages).all(asked).map(records.decodeDelivery)
    }),
  messagesTo: ({ channel, address, after, limit }) =>
    engine.read(({ statements: { personal } }) =>
      personal.messagesTo.all({ channel, address, ...placeColumns(after), limit }).map(records.decodeDelivery),
    ),
  plansOf: (recipient, afterPlan, limit) =>
    engine.read(({ statements: { personal }, ids }) =>
      personal.plansOf
        .all({ ...recipientColumns(ids, recipient), plan_id: afterPlan, limit })
        .map(records.decodePlanPart),
    ),
  sharedAddresses: (addresses, recipient) =>
    engine.read(({ statements: { personal }, ids }) =>
      addresses.map(
        ({ channel, address }) =>
          personal.isShared.get({ ...recipientColumns(ids, recipient), channel, recipient_address: address }) !==
          undefined,
      ),
    ),
  answers: (after, limit) =>
    engine.read(({ statements: { personal } }) =>
      personal.answers
        .all({ ...(after ?? firstRequest), limit })
        .map(({ caller, key, answer }) => ({ caller, key, answer: answer ?? '' })),
    ),
  replaceAnswer: ({ caller, key }, before, answer) =>
    engine.write(
      ({ statements: { personal } }) => personal.replaceAnswer.run({ caller, key, before, answer }).changes > 0,
    ),
  auditOf: (recipient, after, limit) =>
    engine.read(({ statements: { personal } }) => {
      const rows = personal.audit.all({ id: after, limit })
      return { entries: rows.filter(isAbout(recipient)).map(records.decodeAudit), last: rows.at(-1)?.id ?? null }
    }),
  answersOf: (recipient, after, limit) =>
    engine.read(({ statements: { personal }, ids }) =>
      personal.answersOf.all({ ...recipientColumns(ids, recipient), id: after, limit }).map(records.decodeAnswer),
    ),
  consentsOf: (recipient, after, limit) =>
    engine.read(({ statements: { personal }, ids }) =>
      personal.consentsOf.all({ ...recipientColumns(ids, recipient), id: after, limit }).map(records.decodeConsent),
    ),
  written: ({ table, after: id, ...query }) =>
    engine.read(({ statements: { personal } }) =>
      table === 'inbound'
        ? personal.inboundFrom.all({ ...query, id }).map(decodeInbound)
        : personal.answersFrom.all({ ...query, id }).flatMap(decodeUnknown),
    ),
  consentsBy: (addressId, id, limit) =>
    engine.read(({ statements: { personal } }) =>
      personal.consentsBy.all({ address_id: addressId, id, limit }).map(records.decodeConsent),
    ),
  linksOf: (recipient, hash, limit) =>
    engine.read(({ statements: { personal }, ids }) =>
      personal.links.all({ ...recipientColumns(ids, recipient), hash, limit }).map(records.decodeLink),
    ),
  budgetsOf: (recipient, organizationIds) =>
    engine.read(({ statements: { personal }, ids }) =>
      organizationIds.flatMap((organization_id) =>
        personal.budget.all({ ...recipientColumns(ids, recipient), organization_id }).map(decodeBudget),
      ),
    ),
  purgeHashes: (until, limit) =>
    engine.write(({ statements: { personal } }) => personal.purgeHashes.run({ until: until.getTime(), limit }).changes),
  aging: (table, after, limit) =>
    engine.read(({ statements: { personal } }) => personal.aging[table].all({ id: after, limit }).map(decodeAging)),
})

export const keyStore = (engine: Engine): KeyStore => ({
  get: (name) => engine.read(({ statements: { keys } }) => keys.get.get({ name })?.sealed ?? null),
  add: (name, sealed, at) =>
    engine.write(({ statements: { keys } }) => {
      keys.add.run({ name, sealed, created_at: at.getTime() })
      return keys.get.get({ name })?.sealed ?? sealed
    }),
  replace: (name, before, sealed) =>
    engine.write(({ statements: { keys } }) => keys.replace.run({ name, before, sealed }).changes > 0),
  previousAccounts: (after, limit) =>
    engine.read(({ statements: { keys } }) =>
      keys.previousAccounts.all({ id: after, limit }).map((row) => ({ ...records.decodePrevious(row), id: row.id })),
    ),
})
