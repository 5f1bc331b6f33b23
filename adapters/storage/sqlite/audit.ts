import type { AuditStore } from '../../../src/index.ts'
import { decodeAudit } from '../kysely/codecs/audit.ts'
import type { Engine } from './engine.ts'

export const auditStore = (engine: Engine): AuditStore => ({
  list: ({ organizationId, action, from, to, before, limit }) =>
    engine.read((tx) => {
      const filter = { organizationId, action, from: from?.getTime(), to: to?.getTime(), before, limit }
      return tx
        .bind(tx.lists.auditPage(tx.builder, filter, tx.lists.asMilliseconds))
        .all({})
        .map(decodeAudit)
    }),
})
