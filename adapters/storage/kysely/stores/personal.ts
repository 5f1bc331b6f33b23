import type { KeyStore, PersonalQueries } from '../../../../src/index.ts'
import * as records from '../../../../src/records/index.ts'
import { decodeAging, firstRequest, isAbout, placeColumns, recipientColumns, writtenOf } from '../aging.ts'
import type { Mode } from '../query.ts'
import type { Runner } from '../runner.ts'

export const personalQueries = <M extends Mode>({ all, first, change, read }: Runner<M>): PersonalQueries => ({
  messages: ({ recipient, after, left, limit }) =>
    all(({ statements: { personal }, ids }) => {
      const asked = { ...recipientColumns(ids, recipient), ...placeColumns(after), limit }
      return (left ? personal.messagesLeft : personal.messages).all(asked)
    }, records.decodeDelivery),
  messagesTo: ({ channel, address, after, limit }) =>
    all(
      ({ statements }) => statements.personal.messagesTo.all({ channel, address, ...placeColumns(after), limit }),
      records.decodeDelivery,
    ),
  plansOf: (recipient, afterPlan, limit) =>
    all(
      ({ statements, ids }) =>
        statements.personal.plansOf.all({ ...recipientColumns(ids, recipient), plan_id: afterPlan, limit }),
      records.decodePlanPart,
    ),
  sharedAddresses: (addresses, recipient) =>
    Promise.all(
      addresses.map(async ({ channel, address: recipient_address }) => {
        const shared = await first(
          ({ statements, ids }) =>
            statements.personal.isShared.get({ ...recipientColumns(ids, recipient), channel, recipient_address }),
          () => true,
        )
        return shared ?? false
      }),
    ),
  answers: (after, limit) =>
    all(
      ({ statements }) => statements.personal.answers.all({ ...(after ?? firstRequest), limit }),
      ({ caller, key, answer }) => ({ caller, key, answer: answer ?? '' }),
    ),
  replaceAnswer: async ({ caller, key }, before, answer) =>
    (await change(({ statements }) => statements.personal.replaceAnswer.run({ caller, key, before, answer }))) > 0,
  auditOf: (recipient, after, limit) =>
    read(function* ({ statements: { personal } }, wait) {
      const rows = yield* wait(personal.audit.all({ id: after, limit }))
      return { entries: rows.filter(isAbout(recipient)).map(records.decodeAudit), last: rows.at(-1)?.id ?? null }
    }),
  answersOf: (recipient, after, limit) =>
    all(
      ({ statements, ids }) =>
        statements.personal.answersOf.all({ ...recipientColumns(ids, recipient), id: after, limit }),
      records.decodeAnswer,
    ),
  consentsOf: (recipient, after, limit) =>
    all(
      ({ statements, ids }) =>
        statements.personal.consentsOf.all({ ...recipientColumns(ids, recipient), id: after, limit }),
      records.decodeConsent,
    ),
  written: (address, limit) =>
    read(function* ({ statements: { personal } }, wait) {
      const asked = { ...address, limit }
      return writtenOf(yield* wait(personal.inboundFrom.all(asked)), yield* wait(personal.answersFrom.all(asked)))
    }),
  consentsBy: (addressId, limit) =>
    all(
      ({ statements }) => statements.personal.consentsBy.all({ address_id: addressId, limit }),
      records.decodeConsent,
    ),
  purgeHashes: (until, limit) =>
    change(({ statements }) => statements.personal.purgeHashes.run({ until: until.getTime(), limit })),
  aging: (table, after, limit) =>
    all(({ statements }) => statements.personal.aging[table].all({ id: after, limit }), decodeAging),
})

export const keyStore = <M extends Mode>({ all, first, change, write }: Runner<M>): KeyStore => ({
  get: (name) =>
    first(
      ({ statements }) => statements.keys.get.get({ name }),
      ({ sealed }) => sealed,
    ),
  add: (name, sealed, at) =>
    write(function* ({ statements: { keys } }, wait) {
      yield* wait(keys.add.run({ name, sealed, created_at: at.getTime() }))
      return (yield* wait(keys.get.get({ name })))?.sealed ?? sealed
    }),
  replace: async (name, before, sealed) =>
    (await change(({ statements }) => statements.keys.replace.run({ name, before, sealed }))) > 0,
  previousAccounts: (after, limit) =>
    all(
      ({ statements }) => statements.keys.previousAccounts.all({ id: after, limit }),
      (row) => ({ ...records.decodePrevious(row), id: row.id }),
    ),
})
