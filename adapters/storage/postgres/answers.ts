import type { AnswerQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { lastId } from '../kysely/held.ts'
import type { Engine } from './engine.ts'

export const answerStore = (engine: Engine): AnswerQueries => ({
  asking: (channel, addresses, after) =>
    engine.read(async ({ statements: { answers } }) => {
      const asked = { channel, addresses: records.encodeAddresses(addresses), ask_until: after.getTime() }
      return (await answers.asking.all(asked)).flatMap((row) => records.decodeAsked(row) ?? [])
    }),
  due: (now, limit) =>
    engine.read(async ({ statements: { answers } }) =>
      (await answers.due.all({ now: now.getTime(), limit })).map((row) => records.decodeAnswer(row)),
    ),
  nextDueAt: () =>
    engine.read(async ({ statements: { answers } }) => {
      const at = (await answers.nextDueAt.get({}))?.due_at ?? null
      return at === null ? null : new Date(at)
    }),
  failing: (limit) =>
    engine.read(async ({ statements: { answers } }) =>
      (await answers.failing.all({ limit })).map((row) => records.decodeAnswer(row)),
    ),
  list: ({ organizationId, isOpen, before = lastId, limit }) =>
    engine.read(async ({ statements: { answers } }) => {
      const page = { before, limit }
      const rows = await (organizationId === null
        ? (isOpen ? answers.open : answers.all).all(page)
        : (isOpen ? answers.openOfOrganization : answers.ofOrganization).all({ ...page, organizationId }))
      return rows.map((row) => records.decodeAnswer(row))
    }),
})
