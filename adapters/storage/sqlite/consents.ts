import type { ConsentQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { lastId } from '../kysely/held.ts'
import type { Engine } from './engine.ts'

export const consentStore = (engine: Engine): ConsentQueries => ({
  records: ({ organizationId, recipient, before = lastId, limit }) =>
    engine.read(({ ids, statements: { consents } }) => {
      const page = { organizationId, before, limit }
      const rows =
        recipient === undefined
          ? consents.records.all(page)
          : consents.recordsOf.all({ ...page, type: recipient.type, recipientId: ids('recipient', recipient.id) })
      return rows.map(records.decodeConsent)
    }),
  doubts: ({ organizationId, after = 0, limit }) =>
    engine.read(({ statements: { consents } }) =>
      consents.doubts.all({ organizationId, after, limit }).map(records.decodeInbound),
    ),
  message: (id) =>
    engine.read(({ statements: { consents } }) => {
      const row = consents.message.get({ id })
      return row === undefined ? null : records.decodeInbound(row)
    }),
  isKept: ({ accountId, messageId, organizationId }) =>
    engine.read(
      ({ statements: { consents } }) => consents.kept.get({ accountId, messageId, organizationId }) !== undefined,
    ),
})
