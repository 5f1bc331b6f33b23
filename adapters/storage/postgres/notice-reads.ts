import type { EntityId, NewDelivery } from '../../../src/index.ts'
import type { IdCodec } from '../kysely/codecs/ids.ts'
import type { DedupeKey } from './loader.ts'
import type { AdvisoryLock } from './locks.ts'

const lifecycle: ReadonlySet<string> = new Set(['CONFIRMATION', 'RESCHEDULE', 'CANCELLATION'])

/** What queueing these notices looks at. */
export function noticeReads(deliveries: readonly NewDelivery[], ids: IdCodec) {
  const locks: AdvisoryLock[] = []
  const appointmentIds: EntityId[] = []
  const dedupeKeys: DedupeKey[] = []
  for (const { organizationId, appointmentId, category, dedupeKey } of deliveries) {
    if (dedupeKey !== null) dedupeKeys.push({ organization_id: organizationId, dedupe_key: dedupeKey })
    if (appointmentId === null || !lifecycle.has(category)) continue
    const id = ids('appointment', appointmentId)
    appointmentIds.push(id)
    locks.push({ kind: 'notices', identity: [organizationId, id], shared: false })
  }
  return { locks, appointmentIds, dedupeKeys }
}
