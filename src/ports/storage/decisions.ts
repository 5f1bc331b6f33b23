import type { EntityId } from '../../schemas/common.ts'
import type { DecisionEntry, DecisionRecord } from '../../schemas/decision.ts'

/** Decisions to store. */
export type NewDecision = {
  readonly organizationId: string
  readonly appointmentId: EntityId | null
  readonly waitlistEntryId: EntityId | null
  readonly at: Date
  readonly entries: readonly DecisionEntry[]
}

/** Reads decisions. */
export interface DecisionQueries {
  /** In the order they were written. */
  list(organizationId: string, appointmentId: EntityId): Promise<DecisionRecord[]>
}

/**
 * Append-only. Commands that decide write theirs in their own transaction; `append` is for decisions that change no other row. Commands of
 * `src/records`, which `Storage.carry` carries out.
 */
export interface DecisionCommands {
  append(decisions: readonly NewDecision[]): Promise<void>
}
export type DecisionStore = DecisionQueries & DecisionCommands
