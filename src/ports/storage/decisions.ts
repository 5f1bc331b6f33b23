import type { EntityId } from '../../schemas/common.ts'
import type { DecisionEntry, DecisionRecord } from '../../schemas/decision.ts'

export type NewDecision = {
  readonly organizationId: string
  readonly appointmentId: EntityId | null
  readonly waitlistEntryId: EntityId | null
  readonly at: Date
  readonly entries: readonly DecisionEntry[]
}

/** Append-only. Commands that decide write theirs in their own transaction; `append` is for decisions that change no other row. */
export interface DecisionStore {
  append(decisions: readonly NewDecision[]): Promise<void>
  /** In the order they were written. */
  list(organizationId: string, appointmentId: EntityId): Promise<DecisionRecord[]>
}
