import { z } from 'zod'
import type { JobProgress } from '../../ports/storage.ts'
import { entityId } from '../../schemas/common.ts'
import { ReconcileTally, tallySchema } from './reconcile-report.ts'

export const reconcileJob = 'reconcile'

/** The parts of a run, in their order. */
export const phases = ['plans', 'upcoming', 'gone'] as const

/** Later, the directory's cursor may mean something else, and what was checked first is no longer new. */
const resumableForMs = 60 * 60_000

/** With more of them that are gone, a run goes on from where there were fewer: what is kept stays small. */
const mostGoneKept = 10_000

const instant = z.iso.datetime().transform((text) => new Date(text))

const progressSchema = z.strictObject({
  startedAt: instant,
  savedAt: instant,
  phase: z.enum(phases),
  /** In the phase: of the storage in `plans`, of the directory in `upcoming`. */
  cursor: z.string().nullable(),
  /** Plans seen. */
  plans: z.int().min(0),
  /** Appointments that have a plan, and that the directory no longer knows; in the phase `gone` those that are left. */
  gone: z.array(entityId),
  /** Of the phase `gone`: what is missed for the first time. */
  missing: z.array(entityId),
  /** Of what is planned anew, nothing is sent whose time is past. */
  skipPast: z.boolean(),
  tally: tallySchema,
})

/** How far a run is. Steps change it; after each page it is written down, for whoever goes on with the run. */
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

/** Null where it is too much to be kept. */
export const writeProgress = ({ tally, ...progress }: Progress, savedAt: Date): string | null =>
  progress.gone.length + progress.missing.length > mostGoneKept
    ? null
    : JSON.stringify({ ...progress, savedAt, tally: tally.state })

function parse(text: string): z.infer<typeof progressSchema> | null {
  try {
    return progressSchema.parse(JSON.parse(text))
  } catch {
    return null
  }
}

/** Null: there is nothing to go on with, or it is too old, or another release wrote it. */
export function readProgress(kept: JobProgress | null, now: Date): Progress | null {
  const found = kept === null ? null : parse(kept.progress)
  if (found === null || Math.abs(now.getTime() - found.savedAt.getTime()) > resumableForMs) return null
  const { savedAt: _, tally, ...progress } = found
  return { ...progress, tally: new ReconcileTally(tally) }
}

export type ReconcileStatus = {
  /** `interrupted`: nobody is at it; it goes on with the next run. */
  readonly status: 'running' | 'interrupted'
  readonly phase: Progress['phase']
  readonly startedAt: Date
  /** Appointments looked at. */
  readonly checked: number
  readonly savedAt: Date
}

/** For whoever looks at the system, in any process; null where no run has come far enough to keep anything. */
export function statusOf(kept: JobProgress | null, now: Date): ReconcileStatus | null {
  const found = kept === null ? null : parse(kept.progress)
  if (kept === null || found === null) return null
  const { phase, startedAt, savedAt, tally } = found
  return { status: kept.heldUntil > now ? 'running' : 'interrupted', phase, startedAt, checked: tally.checked, savedAt }
}
