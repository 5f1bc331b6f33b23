import type { AnswerQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { lastId } from '../kysely/held.ts'
import type { Commands } from './engine.ts'

export const answerStore = (engine: Commands): AnswerQueries => ({
  asking: (channel, addresses, after) =>
    engine.read(({ statements: { answers } }) =>
      answers.asking
        .all({ channel, addresses: JSON.stringify([...new Set(addresses)]), ask_until: after.getTime() })
        .flatMap((row) => records.decodeAsked(row) ?? []),
    ),
  due: (now, limit) =>
    engine.read(({ statements: { answers } }) =>
      answers.due.all({ now: now.getTime(), limit }).map(records.decodeAnswer),
    ),
  nextDueAt: () =>
    engine.read(({ statements: { answers } }) => {
      const at = answers.nextDueAt.get({})?.due_at ?? null
      return at === null ? null : new Date(at)
    }),
  failing: (limit) =>
    engine.read(({ statements: { answers } }) => answers.failing.all({ limit }).map(records.decodeAnswer)),
  list: ({ organizationId, isOpen, before = lastId, limit }) =>
    engine.read(({ statements: { answers } }) => {
      const page = { before, limit }
      const rows =
        organizationId === null
          ? (isOpen ? answers.open : answers.all).all(page)
          : (isOpen ? answers.openOfOrganization : answers.ofOrganization).all({ ...page, organizationId })
      return rows.map(records.decodeAnswer)
    }),
})
