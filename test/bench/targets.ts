/**
 * Where the project wants to be, and what it promises. A target is printed with what became of it; `npm run bench` fails
 * only where a promise is broken. Promises are ratios in one run, or limits far from what is measured, so that a shared or a
 * slower machine keeps them as well; each leaves at least a third of room to what a quiet machine with two cores showed.
 */
import { namesOf } from './by-hand/all.ts'
import type { Figure } from './measure.ts'
import { measures } from './measures.ts'

type Target = {
  readonly measure: string
  readonly ours: string
  /** Compared with the best of these; empty: the value itself. */
  readonly beside: readonly string[]
  /** At least as much, or at most. */
  readonly is: 'at least' | 'at most'
  readonly target: number
  readonly promised: number
  /** Who does nothing but what has to be done; a target above its share gives way to that. */
  readonly floor: string | null
}

export type Verdict = Target & {
  /** The peer that was best. */
  readonly best: Figure | null
  readonly figure: Figure
  /** The ratio, or what was measured. */
  readonly value: number
  /** What the target comes to, after the floor. */
  readonly limit: number
  /** The floor that the target gave way to. */
  readonly capped: Figure | null
  readonly reached: boolean
  readonly kept: boolean
}

/** Nobody who also reads, decides and renders comes nearer to the bare driver than this. */
export const floorShare = 0.8

const onSqlite = 'ours on SQLite'
const onPostgres = 'ours on Postgres'
const bare = { [onSqlite]: 'bare better-sqlite3', [onPostgres]: 'bare pg' } as const

const row = (
  measure: string,
  ours: string,
  beside: readonly string[],
  is: Target['is'],
  target: number,
  promised: number,
  floor: string | null = null,
): Target => ({ measure, ours, beside, is, target, promised, floor })

/** What is aimed at beside the best peer that does the same job by hand. */
const aims = { careful: { [onSqlite]: 1.5, [onPostgres]: 1.2 }, usual: { [onSqlite]: 1.2, [onPostgres]: 0.8 } } as const

/** On SQLite and on Postgres. */
type Promised = readonly [number, number]

/** A measure beside the best of those who do the same job, in the careful way and in the usual one. */
function sameJob(
  measure: string,
  promised: { readonly careful: Promised; readonly usual: Promised },
  floor?: string,
): Target[] {
  const beside = (way: 'careful' | 'usual') => {
    const of = (ours: keyof typeof bare, promise: number) =>
      row(measure, ours, namesOf(way), 'at least', aims[way][ours], promise, floor ?? bare[ours])
    return [of(onSqlite, promised[way][0]), of(onPostgres, promised[way][1])]
  }
  return [...beside('careful'), ...beside('usual')]
}

export const targets: readonly Target[] = [
  ...sameJob(measures.bulk, { careful: [0.4, 0.3], usual: [0.35, 0.26] }),
  ...sameJob(measures.ten, { careful: [1.5, 0.95], usual: [1.2, 0.65] }),
  ...sameJob(measures.fifty, { careful: [1.5, 1.2], usual: [1.2, 0.8] }),
  ...sameJob(measures.moved, { careful: [1.3, 0.6], usual: [0.6, 0.26] }),
  ...sameJob(measures.cancelled, { careful: [1.5, 0.58], usual: [1.2, 0.48] }),
  ...sameJob(measures.dispatched, { careful: [0.36, 0.25], usual: [0.28, 0.18] }),
  ...sameJob(measures.mails, { careful: [0.58, 0.4], usual: [0.58, 0.4] }, 'bare nodemailer'),
  row(measures.mails, onSqlite, ['bare nodemailer'], 'at least', 1, 0.6),
  row(measures.mails, onPostgres, ['bare nodemailer'], 'at least', 1, 0.42),
  row(measures.receipts, onSqlite, [], 'at least', 2000, 400),
  row(measures.receipts, onPostgres, [], 'at least', 1000, 200),
  row(measures.calendarCpu, onSqlite, [], 'at most', 10, 20),
  row(measures.calendarTime, onSqlite, [], 'at most', 10, 25),
  row(measures.accounts, onSqlite, [], 'at most', 2, 3),
  row(measures.latenessP99, onSqlite, [], 'at most', 20, 45),
  row(measures.latenessP99, onPostgres, [], 'at most', 40, 150),
  row(measures.idleProcessor, onSqlite, [], 'at most', 0.2, 1),
  row(measures.idleProcessor, onPostgres, [], 'at most', 0.2, 1),
  row(measures.dueRatio, onSqlite, [], 'at most', 1.2, 2),
  row(measures.dueRatio, onPostgres, [], 'at most', 1.2, 2),
  row(measures.overExpress, onSqlite, ['bare route'], 'at least', 0.9, 0.6),
  row(measures.overFastify, onSqlite, ['bare route'], 'at least', 0.9, 0.6),
  row(measures.statisticsOfOne, onSqlite, [], 'at most', 100, 100),
  row(measures.statisticsOfAll, onSqlite, [], 'at most', 100, 100),
  row(measures.blocked, onSqlite, [], 'at most', 50, 50),
  row(measures.imported, 'ours', ['zod'], 'at most', 2, 5),
  row(measures.importedAdapter, 'ours', ['zod'], 'at most', 1.3, 2.2),
]

/**
 * Promises for one run in place of those above, each as `measure=number`. All others are held with `leeway`: 0.5 asks for half
 * of what is promised, for a run with few rounds.
 *
 * @throws for a measure of which nothing is promised.
 */
export function promisesOf(given: readonly string[], leeway = 1): (target: Target) => number {
  const own = new Map(
    given.map((one) => {
      const [, measure = '', promised = ''] = /^(.*)=(.+)$/.exec(one) ?? []
      if (!targets.some((target) => target.measure === measure) || Number.isNaN(Number(promised)))
        throw new Error(
          `"${one}" is no promise: name a measure of ${[...new Set(targets.map((target) => target.measure))].join('; ')}`,
        )
      return [measure, Number(promised)]
    }),
  )
  return ({ measure, is, promised }) => own.get(measure) ?? (is === 'at least' ? promised * leeway : promised / leeway)
}

/** What became of the targets that were measured. */
export function judge(figures: readonly Figure[], promisedOf = promisesOf([])): Verdict[] {
  return targets.flatMap((target) => {
    const of = (names: readonly string[]) =>
      figures.filter(({ measure, by }) => measure === target.measure && names.includes(by))
    const [figure] = of([target.ours])
    const [best = null] = of(target.beside).toSorted((one, other) => other.value - one.value)
    if (figure === undefined || (best === null && target.beside.length > 0)) return []
    const value = best === null ? figure.value : figure.value / best.value
    const [floor] = of(target.floor === null ? [] : [target.floor])
    const share =
      floor === undefined || best === null ? Number.POSITIVE_INFINITY : (floorShare * floor.value) / best.value
    const limit = Math.min(target.target, share)
    const capped = limit < target.target ? (floor ?? null) : null
    const promised = promisedOf(target)
    const holds = (limit: number) => (target.is === 'at least' ? value >= limit : value <= limit)
    return [{ ...target, promised, figure, best, value, limit, capped, reached: holds(limit), kept: holds(promised) }]
  })
}

/** A sentence for each promise that was broken. */
export const breachesOf = (verdicts: readonly Verdict[]): string[] =>
  verdicts
    .filter(({ kept }) => !kept)
    .map(
      ({ measure, ours, best, is, value, promised }) =>
        `${measure}, ${ours}${best === null ? '' : ` beside ${best.by}`}: ${value.toFixed(2)} where ${is} ${promised} is promised`,
    )

/** A sentence for each promise that a whole run did not judge. */
export const unjudged = (verdicts: readonly Verdict[]): string[] =>
  targets
    .filter(
      (target) =>
        !verdicts.some(
          (one) => one.measure === target.measure && one.ours === target.ours && one.beside === target.beside,
        ),
    )
    .map(({ measure, ours }) => `${measure}, ${ours}: promised, and not measured`)
