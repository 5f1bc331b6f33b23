import { z } from 'zod'
import type { ErrorCode } from '../../errors.ts'
import { type EntityId, entityId } from '../../schemas/common.ts'
import type { PlanDrift } from './plan-row.ts'

export const reconcileOptions = z.strictObject({
  /**
   * The share (0 to 1) of the plans that may be missing from the directory. If more are missing, they are not cancelled, and
   * the run ends as `refused`. Default 0.2.
   */
  maxGoneShare: z.number().min(0).max(1).default(0.2),
  /** True: cancels plans that are missing from the directory at once, however many there are. Default false. */
  force: z.boolean().default(false),
  /** True: begins a new run, even if one was interrupted less than an hour ago. Default false: continues that one. */
  restart: z.boolean().default(false),
  /** Called after each page of plans or ids with the number of appointments checked so far. Default: none. */
  onProgress: z.custom<(checked: number) => void>((value) => typeof value === 'function').optional(),
  /** True: reports what a run would find and do, and writes nothing. Default false. */
  dryRun: z.boolean().default(false),
})
/** Options of `reconcile()`. */
export type ReconcileOptions = z.input<typeof reconcileOptions>
export type SettledReconcileOptions = z.output<typeof reconcileOptions>

/**
 * What a reconciliation can find for an appointment.
 * - `planned`: it had no plan.
 * - `moved`: it starts at another instant than planned.
 * - `cancelled`: it is cancelled, over, or was already missing from the directory five minutes ago.
 * - `missing`: it is missing from the directory for the first time; it is looked up once more before it is cancelled.
 * - `replanned`: its recipients, its zone, or their settings, contact data or providers changed.
 * - `unchanged`: nothing was written.
 * - `unreadable`: the directory returned an invalid row; left as it is.
 * - `failed`: its plan could not be written; left as it is.
 */
export type ReconcileFinding = PlanDrift | 'missing' | 'unchanged' | 'unreadable' | 'failed'

const listed = ['planned', 'moved', 'cancelled', 'missing', 'replanned', 'unreadable', 'failed', 'gone'] as const
type Example = (typeof listed)[number]

/** The result of a reconciliation: the number of appointments for each finding, and how the run ended. */
export type ReconcileReport = Readonly<Record<ReconcileFinding, number>> & {
  /**
   * How the run ended. `done`: completely. `stopped`: by the failure in `code`. `refused`: completely, except that the
   * appointments missing from the directory were not cancelled, because they are suspiciously many. `busy`: another worker
   * is running it; this call did nothing.
   */
  readonly status: 'done' | 'stopped' | 'refused' | 'busy'
  /** Why the run stopped, such as `directory_failed`; null: it did not. */
  readonly code: ErrorCode | null
  /** When the run began; null if it is `busy`. */
  readonly startedAt: Date | null
  /** True: this call continued an interrupted run, and the numbers are those of the whole run. */
  readonly resumed: boolean
  /** Number of appointments checked. */
  readonly checked: number
  /**
   * Number of plans whose appointment is no longer in the directory. Each of them is also counted as `missing` or
   * `cancelled`, unless the run was stopped or refused.
   */
  readonly gone: number
  /** True: the directory has no `upcoming()`, so bookings that were never reported could not be found. */
  readonly upcomingSkipped: boolean
  /** Up to 10 appointment ids of each kind. */
  readonly examples: Readonly<Record<Example, readonly EntityId[]>>
}

const maxExamples = 10

export const tallySchema = z.strictObject({
  checked: z.int().min(0),
  counts: z.record(z.enum([...listed, 'unchanged']), z.int().min(0)),
  examples: z.record(z.enum(listed), z.array(entityId)),
})
type Tally = z.infer<typeof tallySchema>

const empty = (): Tally => ({
  checked: 0,
  counts: {
    planned: 0,
    moved: 0,
    cancelled: 0,
    missing: 0,
    replanned: 0,
    unchanged: 0,
    unreadable: 0,
    failed: 0,
    gone: 0,
  },
  examples: {
    planned: [],
    moved: [],
    cancelled: [],
    missing: [],
    replanned: [],
    unreadable: [],
    failed: [],
    gone: [],
  },
})

/** Counts the findings of a run. */
export class ReconcileTally {
  /** What is saved with the progress of the run. */
  readonly state: Tally

  constructor(state: Tally = empty()) {
    this.state = state
  }

  /** Counts an appointment that was checked, with its finding. */
  countChecked(found: ReconcileFinding | 'gone', appointmentId: EntityId): void {
    this.state.checked += 1
    this.count(found, appointmentId)
  }

  /** Counts the finding of an appointment that has been counted as `gone` before. */
  count(found: ReconcileFinding | 'gone', appointmentId: EntityId): void {
    const { counts, examples } = this.state
    counts[found] += 1
    if (found !== 'unchanged' && examples[found].length < maxExamples) examples[found].push(appointmentId)
  }

  /** Counts rows without a readable id. */
  countUnreadable(count: number): void {
    this.state.checked += count
    this.state.counts.unreadable += count
  }

  report(
    outcome: Pick<ReconcileReport, 'status' | 'code' | 'startedAt' | 'resumed' | 'upcomingSkipped'>,
  ): ReconcileReport {
    const { checked, counts, examples } = this.state
    return { ...outcome, checked, ...counts, examples }
  }
}

/** For a run that another worker has. */
export const busyReport = (upcomingSkipped: boolean): ReconcileReport =>
  new ReconcileTally().report({ status: 'busy', code: null, startedAt: null, resumed: false, upcomingSkipped })
