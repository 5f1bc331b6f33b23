import type { AuditStore } from '../../../src/index.ts'
import { decodeAudit } from '../kysely/codecs/audit.ts'
import type { Engine } from './engine.ts'

export const auditStore = (engine: Engine): AuditStore => ({
  list: ({ organizationId, action, from, to, before, limit }) =>
    engine.read(async ({ bind, builder, lists }) => {
      const filter = { organizationId, action, from: from?.getTime(), to: to?.getTime(), before, limit }
      return (await bind(lists.auditPage(builder, filter, lists.asIsoText)).all({})).map(decodeAudit)
    }),
})
