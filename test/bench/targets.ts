/**
 * Where the project wants to be, and what it promises. A target is printed with what became of it; `npm run bench` fails
 * only where a promise is broken. Promises are ratios in one run, or limits far from what is measured, so that a shared or a
 * slower machine keeps them as well; each leaves at least a third of room to what a quiet machine with two cores showed.
 */
import type { Figure } from './measure.ts'
import { measures } from './measures.ts'
import type { Servers } from './servers.ts'

type Target = {
  readonly measure: string
  readonly ours: string
  /** Compared with the best of these; empty: the value itself. */
  readonly beside: readonly string[]
  /** At least as much, or at most. */
  readonly is: 'at least' | 'at most'
  readonly target: number
  readonly promised: number
}

export type Verdict = Target & {
  /** The peer that was best. */
  readonly best: Figure | null
  readonly figure: Figure
  /** The ratio, or what was measured. */
  readonly value: number
  readonly reached: boolean
  readonly kept: boolean
}

const onSqlite = 'ours on SQLite'
const onPostgres = 'ours on Postgres'
const redis = ['BullMQ on Redis']
const onPostgresToo = ['pg-boss', 'graphile-worker', 'BullMQ on Postgres']
const everybody = [...onPostgresToo, ...redis]

const row = (
  measure: string,
  ours: string,
  beside: readonly string[],
  is: Target['is'],
  target: number,
  promised: number,
): Target => ({ measure, ours, beside, is, target, promised })

/** Of the bare driver, in the same run: what it costs to decide, to explain and to count beside storing. */
const limits: readonly Target[] = [
  row(measures.bulk, onSqlite, ['bare better-sqlite3'], 'at least', 0.47, 0.25),
  row(measures.four, onSqlite, ['bare better-sqlite3'], 'at least', 0.29, 0.15),
  row(measures.dispatched, onSqlite, ['bare better-sqlite3'], 'at least', 0.35, 0.2),
]

export const targets: readonly Target[] = [
  ...limits,
  row(measures.bulk, onSqlite, everybody, 'at least', 3, 0.3),
  row(measures.bulk, onPostgres, everybody, 'at least', 1, 0.15),
  row(measures.one, onSqlite, redis, 'at least', 1.5, 0.2),
  row(measures.one, onPostgres, onPostgresToo, 'at least', 3, 0.3),
  row(measures.four, onSqlite, redis, 'at least', 1.5, 0.4),
  row(measures.four, onPostgres, onPostgresToo, 'at least', 3, 0.3),
  row(measures.dispatched, onSqlite, everybody, 'at least', 1, 0.12),
  row(measures.dispatched, onPostgres, onPostgresToo, 'at least', 0.7, 0.06),
  row(measures.moved, onSqlite, redis, 'at least', 1, 0.2),
  row(measures.moved, onPostgres, onPostgresToo, 'at least', 2, 0.15),
  row(measures.cancelled, onSqlite, redis, 'at least', 1, 0.45),
  row(measures.cancelled, onPostgres, onPostgresToo, 'at least', 2, 0.2),
  row(measures.latenessP99, onSqlite, [], 'at most', 10, 50),
  row(measures.latenessP99, onPostgres, [], 'at most', 25, 100),
  row(measures.idleProcessor, onSqlite, [], 'at most', 0.5, 1),
  row(measures.idleProcessor, onPostgres, [], 'at most', 0.5, 1),
  row(measures.dueRatio, onSqlite, [], 'at most', 1.2, 2),
  row(measures.dueRatio, onPostgres, [], 'at most', 1.2, 2),
  row(measures.mails, onSqlite, ['bare nodemailer'], 'at least', 0.9, 0.4),
  row(measures.mails, onPostgres, ['bare nodemailer'], 'at least', 0.9, 0.3),
  row(measures.overExpress, onSqlite, ['bare route'], 'at least', 0.9, 0.6),
  row(measures.overFastify, onSqlite, ['bare route'], 'at least', 0.9, 0.6),
  row(measures.statisticsOfOne, onSqlite, [], 'at most', 100, 100),
  row(measures.statisticsOfAll, onSqlite, [], 'at most', 100, 100),
  row(measures.blocked, onSqlite, [], 'at most', 50, 50),
]

/**
 * Promises for one run in place of those above, each as `measure=number`.
 *
 * @throws for a measure of which nothing is promised.
 */
export const promisesOf = (given: readonly string[]): ReadonlyMap<string, number> =>
  new Map(
    given.map((one) => {
      const [, measure = '', promised = ''] = /^(.*)=(.+)$/.exec(one) ?? []
      if (!targets.some((target) => target.measure === measure) || Number.isNaN(Number(promised)))
        throw new Error(
          `"${one}" is no promise: name a measure of ${[...new Set(targets.map((target) => target.measure))].join('; ')}`,
        )
      return [measure, Number(promised)]
    }),
  )

/** What became of the targets that were measured. */
export function judge(figures: readonly Figure[], promises: ReadonlyMap<string, number> = new Map()): Verdict[] {
  return targets.flatMap((target) => {
    const of = (names: readonly string[]) =>
      figures.filter(({ measure, by }) => measure === target.measure && names.includes(by))
    const [figure] = of([target.ours])
    const [best = null] = of(target.beside).toSorted((one, other) => other.value - one.value)
    if (figure === undefined || (best === null && target.beside.length > 0)) return []
    const value = best === null ? figure.value : figure.value / best.value
    const promised = promises.get(target.measure) ?? target.promised
    const holds = (limit: number) => (target.is === 'at least' ? value >= limit : value <= limit)
    return [{ ...target, promised, figure, best, value, reached: holds(target.target), kept: holds(promised) }]
  })
}

/** A sentence for each promise that was broken. */
export const breachesOf = (verdicts: readonly Verdict[]): string[] =>
  verdicts
    .filter(({ kept }) => !kept)
    .map(
      ({ measure, ours, is, value, promised }) =>
        `${measure}, ${ours}: ${value.toFixed(2)} where ${is} ${promised} is promised`,
    )

/** A sentence for each promise that a whole run did not judge, but those beside Redis where it is missing. */
export const unjudged = (verdicts: readonly Verdict[], { redis: ports }: Pick<Servers, 'redis'>): string[] =>
  targets
    .filter(({ beside }) => ports !== null || beside.length === 0 || beside.some((name) => !redis.includes(name)))
    .filter(
      (target) =>
        !verdicts.some(
          (one) => one.measure === target.measure && one.ours === target.ours && one.beside === target.beside,
        ),
    )
    .map(({ measure, ours }) => `${measure}, ${ours}: promised, and not measured`)
