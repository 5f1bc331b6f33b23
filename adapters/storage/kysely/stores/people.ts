import type { AnswerQueries, ConsentQueries, LinkQueries } from '../../../../src/index.ts'
import * as records from '../../../../src/records/index.ts'
import { lastId } from '../held.ts'
import type { Mode } from '../query.ts'
import type { Runner } from '../runner.ts'

export const linkQueries = <M extends Mode>({ first, change }: Runner<M>): LinkQueries => ({
  async find(hashes) {
    for (const hash of hashes) {
      const link = await first(({ links }) => [links.get, { hash }], records.decodeLink)
      if (link !== null) return link
    }
    return null
  },
  purge: (until, limit) => change(({ links }) => [links.purge, { until: until.getTime(), limit }]),
})

export const answerQueries = <M extends Mode>({ all, first }: Runner<M>): Omit<AnswerQueries, 'asking'> => ({
  due: (now, limit) => all(({ answers }) => [answers.due, { now: now.getTime(), limit }], records.decodeAnswer),
  nextDueAt: () =>
    first(
      ({ answers }) => [answers.nextDueAt, {}],
      ({ due_at }) => (due_at === null ? null : new Date(due_at)),
    ),
  failing: (limit) => all(({ answers }) => [answers.failing, { limit }], records.decodeAnswer),
  list: ({ organizationId, isOpen, before = lastId, limit }) =>
    all(({ answers }) => {
      const page = { before, limit, organizationId: organizationId ?? '' }
      if (organizationId === null) return [isOpen ? answers.open : answers.all, page]
      return [isOpen ? answers.openOfOrganization : answers.ofOrganization, page]
    }, records.decodeAnswer),
})

export const consentQueries = <M extends Mode>({ all, first }: Runner<M>): ConsentQueries => ({
  records: ({ organizationId, recipient, before = lastId, limit }) =>
    recipient === undefined
      ? all(({ consents }) => [consents.records, { organizationId, before, limit }], records.decodeConsent)
      : all(({ consents }, { ids }) => {
          const { type, id } = recipient
          return [consents.recordsOf, { organizationId, before, limit, type, recipientId: ids('recipient', id) }]
        }, records.decodeConsent),
  doubts: ({ organizationId: organization_id, after = 0, limit }) =>
    all(({ consents }) => [consents.doubts, { organization_id, id: after, limit }], records.decodeInbound),
  message: (id) => first(({ consents }) => [consents.message, { id }], records.decodeInbound),
  isKept: async ({ accountId: account_id, messageId: message_id, organizationId: organization_id }) =>
    (await first(
      ({ consents }) => [consents.kept, { account_id, message_id, organization_id }],
      () => true,
    )) ?? false,
})
