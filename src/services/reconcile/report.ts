import { z } from 'zod'
import type { ErrorCode } from '../../errors.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { PlanDrift } from '../plan-row.ts'

export const reconcileOptions = z.strictObject({
  /** The share of the plans that the directory may have forgotten before the run is refused, 0 to 1. Default 0.2. */
  maxGoneShare: z.number().min(0).max(1).default(0.2),
  /** Cancel what the directory no longer knows, however much that is. Default false. */
  force: z.boolean().default(false),
})
export type ReconcileOptions = z.input<typeof reconcileOptions>
export type SettledReconcileOptions = z.output<typeof reconcileOptions>

/**
 * What can be found of an appointment.
 * - `planned`: it had no plan.
 * - `moved`: it starts at another instant than planned.
 * - `cancelled`: it is cancelled, over, or was no longer known five minutes ago either.
 * - `missing`: it is no longer known, for the first time; looked for once more before it is cancelled.
 * - `replanned`: who takes part, the zone, or what is wanted and possible (settings, contact data, providers) changed.
 * - `unchanged`: nothing was written.
 * - `unreadable`: the directory described it in a way that cannot be used; left as it is.
 * - `failed`: its plan could not be written; left as it is.
 */
export type Finding = PlanDrift | 'missing' | 'unchanged' | 'unreadable' | 'failed'
type Example = Exclude<Finding, 'unchanged'> | 'gone'

/** What a reconciliation did. A number for each finding. */
export type ReconcileReport = Readonly<Record<Finding, number>> & {
  /**
   * `done`; `stopped`: on a failure, named by `code`; `refused`: done but for the appointments that the directory no longer
   * knows, suspiciously many; `busy`: another worker is at it, and nothing was done here.
   */
  readonly status: 'done' | 'stopped' | 'refused' | 'busy'
  /** Why it stopped: `directory_failed`, say. */
  readonly code: ErrorCode | null
  /** Appointments looked at. */
  readonly checked: number
  /** Of the plans, those whose appointment the directory no longer knows; `missing` or cancelled unless stopped or refused. */
  readonly gone: number
  /** The directory has no `upcoming`: bookings that the library was never told of were not looked for. */
  readonly upcomingSkipped: boolean
  /** The ids of the first few of each kind. */
  readonly examples: Readonly<Record<Example, readonly EntityId[]>>
}

const maxExamples = 10

/** Counts while a run goes on. */
export class ReconcileTally {
  #checked = 0
  readonly #counts: Record<Finding | 'gone', number> = {
    planned: 0,
    moved: 0,
    cancelled: 0,
    missing: 0,
    replanned: 0,
    unchanged: 0,
    unreadable: 0,
    failed: 0,
    gone: 0,
  }
  readonly #examples: Record<Example, EntityId[]> = {
    planned: [],
    moved: [],
    cancelled: [],
    missing: [],
    replanned: [],
    unreadable: [],
    failed: [],
    gone: [],
  }

  /** What an appointment that was looked at turned out to be. */
  saw(found: Finding | 'gone', appointmentId: EntityId): void {
    this.#checked += 1
    this.became(found, appointmentId)
  }

  /** What became of one that was `gone`. */
  became(found: Finding | 'gone', appointmentId: EntityId): void {
    this.#counts[found] += 1
    if (found === 'unchanged') return
    const examples = this.#examples[found]
    if (examples.length < maxExamples) examples.push(appointmentId)
  }

  /** Those whose very ids cannot be read. */
  sawUnreadable(count: number): void {
    this.#checked += count
    this.#counts.unreadable += count
  }

  report(status: ReconcileReport['status'], upcomingSkipped: boolean, code: ErrorCode | null = null): ReconcileReport {
    return { status, code, checked: this.#checked, ...this.#counts, upcomingSkipped, examples: this.#examples }
  }
}
