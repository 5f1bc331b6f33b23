import type { AuditStore } from '../../../src/index.ts'
import { listAudit } from '../kysely/audit-list.ts'
import type { Engine } from './engine.ts'
import { readerOf } from './lists.ts'

export const auditStore = (engine: Engine): AuditStore => ({
  list: async (query) => listAudit(await readerOf(engine), query),
})
