import { z } from 'zod'
import type { ErrorCode } from '../../errors.ts'
import { type EntityId, entityId } from '../../schemas/common.ts'
import type { PlanDrift } from './plan-row.ts'

export const reconcileOptions = z.strictObject({
  /** The share of the plans that the directory may have forgotten before the run is refused, 0 to 1. Default 0.2. */
  maxGoneShare: z.number().min(0).max(1).default(0.2),
  /** Cancel what the directory no longer knows, however much that is. Default false. */
  force: z.boolean().default(false),
  /** Begin anew, even if a run was interrupted less than an hour ago. Default false: go on with it. */
  restart: z.boolean().default(false),
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
 * - `unreadable`: the directory returned an invalid row; left as it is.
 * - `failed`: its plan could not be written; left as it is.
 */
export type ReconcileFinding = PlanDrift | 'missing' | 'unchanged' | 'unreadable' | 'failed'

const listed = ['planned', 'moved', 'cancelled', 'missing', 'replanned', 'unreadable', 'failed', 'gone'] as const
type Example = (typeof listed)[number]

/** What a reconciliation did. A number for each finding. */
export type ReconcileReport = Readonly<Record<ReconcileFinding, number>> & {
  /**
   * `done`; `stopped`: on a failure, named by `code`; `refused`: done but for the appointments that the directory no longer
   * knows, suspiciously many; `busy`: another worker is at it, and nothing was done here.
   */
  readonly status: 'done' | 'stopped' | 'refused' | 'busy'
  /** Why it stopped: `directory_failed`, say. */
  readonly code: ErrorCode | null
  /** When the run began; null: it did not, for another worker is at it. */
  readonly startedAt: Date | null
  /** This call went on with a run that was interrupted. The numbers are those of the whole run. */
  readonly resumed: boolean
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

/** Counts while a run goes on. */
export class ReconcileTally {
  /** What is kept of it for whoever goes on with the run. */
  readonly state: Tally

  constructor(state: Tally = empty()) {
    this.state = state
  }

  /** What an appointment that was looked at turned out to be. */
  saw(found: ReconcileFinding | 'gone', appointmentId: EntityId): void {
    this.state.checked += 1
    this.became(found, appointmentId)
  }

  /** What became of one that was `gone`. */
  became(found: ReconcileFinding | 'gone', appointmentId: EntityId): void {
    const { counts, examples } = this.state
    counts[found] += 1
    if (found !== 'unchanged' && examples[found].length < maxExamples) examples[found].push(appointmentId)
  }

  /** Those whose very ids cannot be read. */
  sawUnreadable(count: number): void {
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

/** Another worker is at it. */
export const busyReport = (upcomingSkipped: boolean): ReconcileReport =>
  new ReconcileTally().report({ status: 'busy', code: null, startedAt: null, resumed: false, upcomingSkipped })
