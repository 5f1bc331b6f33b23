import { isNotificationError, type NotificationError } from '../../errors.ts'
import type { IdKinds } from '../../ports/storage.ts'
import type { EntityId, HostId } from '../../schemas/common.ts'
import { readId } from '../shared/ids.ts'
import { appointmentNotFound } from '../shared/not-found.ts'
import type { PlanRequest } from './plan-row.ts'
import type { Planner, PlanResult } from './planner.ts'

/** What planning one of many appointments came to, in numbers. */
export type PlanSummary = {
  readonly appointmentId: EntityId
  readonly planned: number
  readonly kept: number
  readonly cancelled: number
  /** What was left out, such as times already past; `explain()` tells the rules. */
  readonly omitted: number
}

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
  for (const told of appointmentIds) {
    try {
      const appointmentId = readId(kinds, 'appointment', told, 'appointmentId')
      requests.set(told, { appointmentId, ...rest, reactivate: true, requireActive: true })
    } catch (error) {
      if (!isNotificationError(error)) throw error
      faults.set(told, error)
    }
  }
  const results = await planner.plan([...requests.values()]).catch((error: unknown) => {
    // What was planned before stays planned: its summaries must not be lost with this batch.
    if (!isNotificationError(error)) throw error
    return [...requests.values()].map((): PlanResult => ({ status: 'failed', error }))
  })
  const resultOf = new Map([...requests.keys()].map((id, index) => [id, results[index]]))
  return appointmentIds.map((told) => {
    const result = resultOf.get(told)
    const appointmentId = requests.get(told)?.appointmentId ?? asAnswered(told)
    if (result?.status === 'planned') {
      const { created, kept, cancelled, omitted } = result
      const counts = { planned: created.length, kept: kept.length, cancelled: cancelled.length }
      return { appointmentId, ...counts, omitted: omitted.length }
    }
    return { appointmentId, error: result?.error ?? faults.get(told) ?? appointmentNotFound(appointmentId) }
  })
}

/** An answer may become JSON, which has no `bigint`. */
const asAnswered = (id: HostId): EntityId => (typeof id === 'bigint' ? String(id) : id)
