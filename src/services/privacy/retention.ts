import { z } from 'zod'
import { retentionTables } from '../../ports/storage/personal.ts'
import type { JobProgress, RetentionCommand } from '../../ports/storage.ts'
import { type RetentionKind, retentionKinds } from '../../schemas/retention.ts'
import type { Context } from '../shared/context.ts'
import { type JobLease, takeJob } from '../shared/job-lease.ts'
import { RecurringJob } from '../shared/recurring-job.ts'
import { Relief, StepSize } from '../shared/step-size.ts'

export const retentionJob = 'retention'
const dayMs = 24 * 3_600_000
/** Rows that are looked at in a step; most of them are too young, or blank already. */
const mostLookedAt = 2000
const mostBlanked = 500
const settingsAtOnce = 200

const counted = z.object({ texts: z.int(), addresses: z.int(), decisions: z.int(), audit: z.int() })
/** Number of rows blanked or removed, by kind. */
export type RetentionCounts = z.infer<typeof counted>

const instant = z.iso.datetime().transform((text) => new Date(text))
const progressSchema = z.strictObject({
  startedAt: instant,
  savedAt: instant,
  /** Null while it is under way. */
  finishedAt: instant.nullable(),
  table: z.enum(retentionTables),
  /** The last row looked at. */
  cursor: z.int().min(0),
  looked: z.int().min(0),
  counts: counted,
})
type Progress = z.infer<typeof progressSchema>

/** State of the daily retention run. */
export type RetentionStatus = {
  /** `running`; `interrupted`: no process works on it, the next run continues it; `done`. */
  readonly status: 'running' | 'interrupted' | 'done'
  readonly startedAt: Date
  readonly finishedAt: Date | null
  /** Number of rows examined so far. */
  readonly looked: number
  readonly counts: RetentionCounts
}

type Cutoffs = ReadonlyMap<string, RetentionCommand['before']>

const noCounts = (): RetentionCounts => ({ texts: 0, addresses: 0, decisions: 0, audit: 0 })

/** Once a day, in small steps: blanks what organizations want to keep no longer. Without such an organization it does nothing. */
export const retention = (context: Context): RecurringJob =>
  new RecurringJob(context, {
    name: 'retention',
    everyMs: dayMs,
    firstAfterMs: 10 * 60_000,
    run: async (isOn) => {
      await retain(context, isOn)
    },
  })

/** One run; one that was interrupted goes on. Null: another process is at it. */
export async function retain(context: Context, isOn: () => boolean = () => true): Promise<RetentionCounts | null> {
  const cutoffs = await cutoffsOf(context)
  if (cutoffs.size === 0) return noCounts()
  const lease = await takeJob(context, retentionJob)
  if (lease === null) return null
  try {
    const { storage, clock } = context.options
    const kept = parse(await storage.jobs.progress(retentionJob))
    const begun = kept === null || kept.finishedAt !== null ? newProgress(clock.now()) : kept
    return await walk(context, cutoffs, begun, { lease, isOn })
  } finally {
    await lease.release()
  }
}

/** What a run would blank or remove now. Changes nothing. */
export async function retentionDryRun(context: Context, organizationId: string | null): Promise<RetentionCounts> {
  const all = await cutoffsOf(context)
  const cutoffs = organizationId === null ? all : new Map([...all].filter(([id]) => id === organizationId))
  return cutoffs.size === 0 ? noCounts() : await walk(context, cutoffs, newProgress(context.options.clock.now()), null)
}

/** Null: there was no run, or another release wrote its progress. */
export function retentionStatus(kept: JobProgress | null, now: Date): RetentionStatus | null {
  const found = parse(kept)
  if (kept === null || found === null) return null
  const { startedAt, finishedAt, looked, counts } = found
  const status = finishedAt !== null ? 'done' : kept.heldUntil > now ? 'running' : 'interrupted'
  return { status, startedAt, finishedAt, looked, counts }
}

const newProgress = (now: Date): Progress => ({
  startedAt: now,
  savedAt: now,
  finishedAt: null,
  table: retentionTables[0],
  cursor: 0,
  looked: 0,
  counts: noCounts(),
})

function parse(kept: JobProgress | null): Progress | null {
  if (kept === null) return null
  const found = progressSchema.safeParse(JSON.parse(kept.progress))
  return found.success ? found.data : null
}

/**
 * Of the organizations that keep something for a time. What belongs to none (''), as what people wrote to a sender that several share, is
 * kept for as long as it is by the one that keeps it longest.
 */
async function cutoffsOf({ options: { storage, clock } }: Context): Promise<Cutoffs> {
  const now = clock.now().getTime()
  const cutoffs = new Map<string, RetentionCommand['before']>()
  const longest = new Map<RetentionKind, number>()
  for (let after: string | null = null; ; ) {
    const page = await storage.settings.list(after, settingsAtOnce)
    for (const { organizationId, retention: rules } of page) {
      const before: { [K in RetentionKind]?: Date } = {}
      for (const kind of retentionKinds) {
        const days = rules?.[kind] ?? 0
        longest.set(kind, Math.max(longest.get(kind) ?? 0, days === 0 ? Number.POSITIVE_INFINITY : days))
        if (days > 0) before[kind] = new Date(now - days * dayMs)
      }
      if (Object.keys(before).length > 0) cutoffs.set(organizationId, before)
    }
    after = page.at(-1)?.organizationId ?? null
    if (page.length < settingsAtOnce) break
  }
  const ofNone = [...longest].filter(([, days]) => Number.isFinite(days))
  const before = Object.fromEntries(ofNone.map(([kind, days]) => [kind, new Date(now - days * dayMs)]))
  if (ofNone.length > 0) cutoffs.set('', before)
  return cutoffs
}

/** `work` null: a dry run. */
async function walk(
  { options: { storage, clock } }: Context,
  cutoffs: Cutoffs,
  begun: Progress,
  work: { readonly lease: JobLease; readonly isOn: () => boolean } | null,
): Promise<RetentionCounts> {
  const looking = new StepSize(storage, 100, mostLookedAt)
  const blanking = new StepSize(storage, 20, mostBlanked)
  const relief = new Relief(storage, clock)
  const counts = { ...begun.counts }
  let { looked } = begun
  const timed = async <T>(size: StepSize, step: () => Promise<T>): Promise<T> => {
    const began = clock.elapsedMs()
    const done = await step()
    size.took(clock.elapsedMs() - began)
    return done
  }
  const save = (table: Progress['table'], cursor: number, finishedAt: Date | null) => {
    const savedAt = clock.now()
    const { startedAt } = begun
    const progress: Progress = { startedAt, savedAt, finishedAt, table, cursor, looked, counts }
    return work?.lease.keepProgress(JSON.stringify(progress))
  }
  for (const table of retentionTables.slice(retentionTables.indexOf(begun.table))) {
    for (let cursor = table === begun.table ? begun.cursor : 0; ; ) {
      if (work !== null && (!work.isOn() || !(await work.lease.keep()))) return counts
      const page = await timed(looking, () => storage.personal.aging(table, cursor, looking.rows))
      const at = clock.now()
      const old = page.flatMap(({ id, organizationId, at: changedAt, holds }): RetentionCommand[] => {
        const before = cutoffs.get(organizationId)
        const isOld = holds.some((kind) => before?.[kind] !== undefined && changedAt < before[kind])
        return before === undefined || !isOld ? [] : [{ table, id, before, dryRun: work === null, at }]
      })
      for (let from = 0; from < old.length; ) {
        const step = old.slice(from, from + blanking.rows)
        from += step.length
        for (const kinds of await timed(blanking, () => storage.personal.retain(step)))
          for (const kind of kinds) counts[kind] += 1
        if (work !== null) await relief.stepped()
      }
      const last = page.at(-1)
      if (last === undefined) break
      cursor = last.id
      looked += page.length
      await save(table, cursor, null)
    }
  }
  await save('inbound', 0, clock.now())
  return counts
}
