import type { ConsentQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { lastId } from '../kysely/held.ts'
import type { Engine } from './engine.ts'

export const consentStore = (engine: Engine): ConsentQueries => ({
  records: ({ organizationId, recipient, before = lastId, limit }) =>
    engine.read(async ({ ids, statements: { consents } }) => {
      const page = { organizationId, before, limit }
      const rows = await (recipient === undefined
        ? consents.records.all(page)
        : consents.recordsOf.all({ ...page, type: recipient.type, recipientId: ids('recipient', recipient.id) }))
      return rows.map(records.decodeConsent)
    }),
  doubts: ({ organizationId, after = 0, limit }) =>
    engine.read(async ({ statements: { consents } }) =>
      (await consents.doubts.all({ organizationId, after, limit })).map(records.decodeInbound),
    ),
  message: (id) =>
    engine.read(async ({ statements: { consents } }) => {
      const row = await consents.message.get({ id })
      return row === undefined ? null : records.decodeInbound(row)
    }),
  isKept: ({ accountId, messageId, organizationId }) =>
    engine.read(
      async ({ statements: { consents } }) =>
        (await consents.kept.get({ accountId, messageId, organizationId })) !== undefined,
    ),
})
