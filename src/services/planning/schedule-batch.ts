import { isNotificationError, type NotificationError } from '../../errors.ts'
import type { IdKinds } from '../../ports/storage.ts'
import type { EntityId, HostId } from '../../schemas/common.ts'
import { readId } from '../shared/ids.ts'
import { appointmentNotFound } from '../shared/not-found.ts'
import type { PlanRequest } from './plan-row.ts'
import type { Planner, PlanResult } from './planner.ts'

/** Result of planning one of many appointments: numbers of reminders. */
export type PlanSummary = {
  readonly appointmentId: EntityId
  /** Reminders created by this call. */
  readonly planned: number
  /** Reminders that existed already and stay as they are. */
  readonly kept: number
  /** Reminders cancelled because they are no longer wanted. */
  readonly cancelled: number
  /** Reminders left out, such as those already past; `explain()` shows the rules. */
  readonly omitted: number
}

/** Result of planning one of many appointments: numbers of reminders, or the error that stopped it. */
export type BatchResult = PlanSummary | { readonly appointmentId: EntityId; readonly error: NotificationError }

/** Appointments planned in one command. */
const bulkSize = 500
/** While the database stores one batch, the next one is read and planned. */
const batchesAtOnce = 2

/** Plans many appointments in few commands; an error of one, or of a whole batch, takes the place of its results. */
export async function scheduleInBatches(
  planner: Planner,
  kinds: IdKinds,
  appointmentIds: readonly HostId[],
  rest: Pick<PlanRequest, 'customReminders' | 'scope' | 'by' | 'action'>,
): Promise<BatchResult[]> {
  const results: BatchResult[][] = []
  let next = 0
  async function batches(): Promise<void> {
    while (next < appointmentIds.length) {
      const first = next
      next += bulkSize
      const batch = appointmentIds.slice(first, next)
      results[first / bulkSize] = await scheduleBatch(planner, kinds, batch, rest)
    }
  }
  await Promise.all(Array.from({ length: batchesAtOnce }, batches))
  return results.flat()
}

async function scheduleBatch(
  planner: Planner,
  kinds: IdKinds,
  appointmentIds: readonly HostId[],
  rest: Pick<PlanRequest, 'customReminders' | 'scope' | 'by' | 'action'>,
): Promise<BatchResult[]> {
  const faults = new Map<HostId, NotificationError>()
  const requests = new Map<HostId, PlanRequest>()
  for (const given of appointmentIds) {
    try {
      const appointmentId = readId(kinds, 'appointment', given, 'appointmentId')
      requests.set(given, { appointmentId, ...rest, reactivate: true, requireActive: true })
    } catch (error) {
      if (!isNotificationError(error)) throw error
      faults.set(given, error)
    }
  }
  const results = await planner.plan([...requests.values()]).catch((error: unknown) => {
    // Earlier batches stay planned: their summaries must not be lost with this one.
    if (!isNotificationError(error)) throw error
    return [...requests.values()].map((): PlanResult => ({ status: 'failed', error }))
  })
  const resultOf = new Map([...requests.keys()].map((id, index) => [id, results[index]]))
  return appointmentIds.map((given) => {
    const result = resultOf.get(given)
    const appointmentId = requests.get(given)?.appointmentId ?? asEntityId(given)
    if (result?.status === 'planned') {
      const { created, kept, cancelled, omitted } = result
      const counts = { planned: created.length, kept: kept.length, cancelled: cancelled.length }
      return { appointmentId, ...counts, omitted: omitted.length }
    }
    return { appointmentId, error: result?.error ?? faults.get(given) ?? appointmentNotFound(appointmentId) }
  })
}

/** A result may be serialized as JSON, which has no `bigint`. */
const asEntityId = (id: HostId): EntityId => (typeof id === 'bigint' ? String(id) : id)
