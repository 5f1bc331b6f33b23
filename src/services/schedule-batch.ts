import { isNotificationError, type NotificationError } from '../errors.ts'
import type { IdKinds } from '../ports/storage.ts'
import type { EntityId } from '../schemas/common.ts'
import { readId } from './ids.ts'
import { appointmentNotFound } from './not-found.ts'
import type { PlanRequest } from './plan-draft.ts'
import { type PlanSummary, summaryOf } from './plan-summary.ts'
import type { Planner, PlanResult } from './planner.ts'

/** What planning one of many appointments came to: a summary, or the error that stopped it. */
export type BatchResult = PlanSummary | { readonly appointmentId: EntityId; readonly error: NotificationError }

/** Appointments planned in one command. */
const bulkSize = 500
/** While the database stores one batch, the next is read and decided. */
const batchesAtOnce = 2

/** Plans appointments in few commands; what is wrong with one, or with a whole batch, stands in its place. */
export async function scheduleInBatches(
  planner: Planner,
  kinds: IdKinds,
  appointmentIds: readonly EntityId[],
  rest: Pick<PlanRequest, 'customReminders' | 'scope'>,
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
  appointmentIds: readonly EntityId[],
  rest: Pick<PlanRequest, 'customReminders' | 'scope'>,
): Promise<BatchResult[]> {
  const faults = new Map<EntityId, NotificationError>()
  const requests = new Map<EntityId, PlanRequest>()
  for (const appointmentId of appointmentIds) {
    try {
      readId(kinds, 'appointment', appointmentId, 'appointmentId')
      requests.set(appointmentId, { appointmentId, ...rest, reactivate: true, requireActive: true })
    } catch (error) {
      if (!isNotificationError(error)) throw error
      faults.set(appointmentId, error)
    }
  }
  const results = await planner.plan([...requests.values()]).catch((error: unknown) => {
    // What was planned before stays planned: its summaries must not be lost with this batch.
    if (!isNotificationError(error)) throw error
    return [...requests.values()].map((): PlanResult => ({ status: 'failed', error }))
  })
  const resultOf = new Map([...requests.keys()].map((id, index) => [id, results[index]]))
  return appointmentIds.map((appointmentId) => {
    const result = resultOf.get(appointmentId)
    if (result?.status === 'planned') return summaryOf(appointmentId, result)
    return { appointmentId, error: result?.error ?? faults.get(appointmentId) ?? appointmentNotFound(appointmentId) }
  })
}
