import type { AnswerQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { lastId } from '../kysely/held.ts'
import type { Engine } from './engine.ts'
import { qualified } from './names.ts'
import { decodeRow } from './values.ts'

type Asked = Pick<records.Row<'notification_history'>, (typeof records.askedColumns)[number]>

export const answerStore = (engine: Engine): AnswerQueries => ({
  asking: (channel, addresses, after) =>
    engine.read(async ({ run, schema, kinds }) => {
      const columns = records.askedColumns.join(', ')
      const { rows } = await run<Asked>(
        `select ${columns} from ${qualified(schema, 'notification_history')}
         where recipient_address = any($1) and ask_until > $2 and notification_type = $3 and delivery_state <> 'cancelled'`,
        [[...new Set(addresses)], after, channel],
      )
      return rows.flatMap((row) => records.decodeAsked(decodeRow(row, kinds)) ?? [])
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
