import type { AnswerQueries, ConsentQueries, LinkQueries } from '../../../../src/index.ts'
import * as records from '../../../../src/records/index.ts'
import { lastId } from '../held.ts'
import type { Mode } from '../query.ts'
import type { Runner } from '../runner.ts'

export const linkQueries = <M extends Mode>({ first, change }: Runner<M>): LinkQueries => ({
  async find(hashes) {
    for (const hash of hashes) {
      const link = await first(({ bind, statements }) => bind(statements.links.get).get({ hash }), records.decodeLink)
      if (link !== null) return link
    }
    return null
  },
  purge: (until, limit) =>
    change(({ bind, statements }) => bind(statements.links.purge).run({ until: until.getTime(), limit })),
})

export const answerQueries = <M extends Mode>({ all, first }: Runner<M>): Omit<AnswerQueries, 'asking'> => ({
  due: (now, limit) =>
    all(
      ({ bind, statements }) => bind(statements.answers.due).all({ now: now.getTime(), limit }),
      records.decodeAnswer,
    ),
  nextDueAt: () =>
    first(
      ({ bind, statements }) => bind(statements.answers.nextDueAt).get({}),
      ({ due_at }) => (due_at === null ? null : new Date(due_at)),
    ),
  failing: (limit) =>
    all(({ bind, statements }) => bind(statements.answers.failing).all({ limit }), records.decodeAnswer),
  list: ({ organizationId, isOpen, before = lastId, limit }) =>
    all(({ bind, statements: { answers } }) => {
      const page = { before, limit }
      return organizationId === null
        ? bind(isOpen ? answers.open : answers.all).all(page)
        : bind(isOpen ? answers.openOfOrganization : answers.ofOrganization).all({ ...page, organizationId })
    }, records.decodeAnswer),
})

export const consentQueries = <M extends Mode>({ all, first }: Runner<M>): ConsentQueries => ({
  records: ({ organizationId, recipient, before = lastId, limit }) =>
    all(({ bind, ids, statements: { consents } }) => {
      const page = { organizationId, before, limit }
      return recipient === undefined
        ? bind(consents.records).all(page)
        : bind(consents.recordsOf).all({ ...page, type: recipient.type, recipientId: ids('recipient', recipient.id) })
    }, records.decodeConsent),
  doubts: ({ organizationId: organization_id, after = 0, limit }) =>
    all(
      ({ bind, statements }) => bind(statements.consents.doubts).all({ organization_id, id: after, limit }),
      records.decodeInbound,
    ),
  message: (id) =>
    first(({ bind, statements }) => bind(statements.consents.message).get({ id }), records.decodeInbound),
  isKept: async ({ accountId: account_id, messageId: message_id, organizationId: organization_id }) =>
    (await first(
      ({ bind, statements }) => bind(statements.consents.kept).get({ account_id, message_id, organization_id }),
      () => true,
    )) ?? false,
})
