import { z } from 'zod'
import type { JobProgress } from '../../ports/storage.ts'
import { entityId } from '../../schemas/common.ts'
import { ReconcileTally, tallySchema } from './reconcile-report.ts'

export const reconcileJob = 'reconcile'

/** The parts of a run, in order. */
export const phases = ['plans', 'upcoming', 'gone'] as const

/** After this, the directory's cursor may no longer be valid, and the first results are outdated. */
const resumableForMs = 60 * 60_000

/** Progress with more missing appointments is not saved, so that it stays small: an interrupted run continues from the last saved point. */
const maxGoneSaved = 10_000

const instant = z.iso.datetime().transform((text) => new Date(text))

const progressSchema = z.strictObject({
  startedAt: instant,
  savedAt: instant,
  phase: z.enum(phases),
  /** The cursor of the phase: of the storage in `plans`, of the directory in `upcoming`. */
  cursor: z.string().nullable(),
  /** Number of plans read. */
  plans: z.int().min(0),
  /** Appointments with a plan that are no longer in the directory; in the phase `gone` those left to check. */
  gone: z.array(entityId),
  /** In the phase `gone`: appointments missing for the first time. */
  missing: z.array(entityId),
  /** Of new plans, past times are skipped whatever the policy. */
  skipPast: z.boolean(),
  tally: tallySchema,
})

/** How far a run is. Steps change it; after each page it is saved, so that another worker can continue the run. */
export type Progress = Omit<z.infer<typeof progressSchema>, 'tally' | 'savedAt'> & { readonly tally: ReconcileTally }

export const newProgress = (startedAt: Date, skipPast: boolean): Progress => ({
  startedAt,
  skipPast,
  phase: 'plans',
  cursor: null,
  plans: 0,
  gone: [],
  missing: [],
  tally: new ReconcileTally(),
})

/** Null if it is too large to be saved. */
export const writeProgress = ({ tally, ...progress }: Progress, savedAt: Date): string | null =>
  progress.gone.length + progress.missing.length > maxGoneSaved
    ? null
    : JSON.stringify({ ...progress, savedAt, tally: tally.state })

function parse(text: string): z.infer<typeof progressSchema> | null {
  try {
    return progressSchema.parse(JSON.parse(text))
  } catch {
    return null
  }
}

/** Null if there is nothing to continue, it is too old, or another release wrote it. */
export function readProgress(kept: JobProgress | null, now: Date): Progress | null {
  const found = kept === null ? null : parse(kept.progress)
  if (found === null || Math.abs(now.getTime() - found.savedAt.getTime()) > resumableForMs) return null
  const { savedAt: _, tally, ...progress } = found
  return { ...progress, tally: new ReconcileTally(tally) }
}

/** State of a reconciliation that is running or was interrupted. */
export type ReconcileStatus = {
  /** `interrupted`: no worker is running it; the next run continues it. */
  readonly status: 'running' | 'interrupted'
  readonly phase: Progress['phase']
  readonly startedAt: Date
  /** Number of appointments checked. */
  readonly checked: number
  readonly savedAt: Date
}

/** The status of a run in any process; null if none has saved any progress. */
export function statusOf(kept: JobProgress | null, now: Date): ReconcileStatus | null {
  const found = kept === null ? null : parse(kept.progress)
  if (kept === null || found === null) return null
  const { phase, startedAt, savedAt, tally } = found
  return { status: kept.heldUntil > now ? 'running' : 'interrupted', phase, startedAt, checked: tally.checked, savedAt }
}
