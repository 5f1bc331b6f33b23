import { z } from 'zod'
import type { ErrorCode } from '../../errors.ts'
import { type EntityId, entityId } from '../../schemas/common.ts'
import type { PlanDrift } from './plan-row.ts'

export const reconcileOptions = z.strictObject({
  /** The share of the plans that may be missing from the directory before the run is refused, 0 to 1. Default 0.2. */
  maxGoneShare: z.number().min(0).max(1).default(0.2),
  /** Cancel plans that are missing from the directory, however many. Default false. */
  force: z.boolean().default(false),
  /** Begin anew, even if a run was interrupted less than an hour ago. Default false: continue it. */
  restart: z.boolean().default(false),
  /** Called after each page of plans or ids, with the appointments checked so far. Default: nobody is told. */
  onProgress: z.custom<(checked: number) => void>((value) => typeof value === 'function').optional(),
  /** Report what a run would find and do, and write nothing. Default false. */
  dryRun: z.boolean().default(false),
})
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

/** What a reconciliation did. A number for each finding. */
export type ReconcileReport = Readonly<Record<ReconcileFinding, number>> & {
  /**
   * `done`; `stopped`: by the failure in `code`; `refused`: done except for the appointments missing from the directory, which are
   * suspiciously many; `busy`: another worker is running it, and nothing was done here.
   */
  readonly status: 'done' | 'stopped' | 'refused' | 'busy'
  /** Why it stopped, such as `directory_failed`. */
  readonly code: ErrorCode | null
  /** When the run began; null if it is `busy`. */
  readonly startedAt: Date | null
  /** This call continued an interrupted run. The numbers are those of the whole run. */
  readonly resumed: boolean
  /** Number of appointments checked. */
  readonly checked: number
  /** Plans whose appointment is no longer in the directory; `missing` or cancelled unless stopped or refused. */
  readonly gone: number
  /** The directory has no `upcoming`, so bookings that were never reported could not be found. */
  readonly upcomingSkipped: boolean
  /** The ids of the first few of each kind. */
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
