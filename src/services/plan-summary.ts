import type { EntityId } from '../schemas/common.ts'
import type { PlanResult } from './planner.ts'

/** What planning one of many appointments came to, in numbers. */
export type PlanSummary = {
  readonly appointmentId: EntityId
  readonly planned: number
  readonly kept: number
  readonly cancelled: number
  /** What was left out, such as times already past; `explain()` tells the rules. */
  readonly omitted: number
}

export const summaryOf = (
  appointmentId: EntityId,
  { created, kept, cancelled, omitted }: Extract<PlanResult, { status: 'planned' }>,
): PlanSummary => ({
  appointmentId,
  planned: created.length,
  kept: kept.length,
  cancelled: cancelled.length,
  omitted: omitted.length,
})
