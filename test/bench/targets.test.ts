import { expect, it } from 'vitest'
import type { Figure } from './measure.ts'
import { measures } from './measures.ts'
import { breachesOf, judge, promisesOf, targets, unjudged } from './targets.ts'

const figure = (measure: string, by: string, value: number, unit = '/s'): Figure => ({
  ...{ measure, by, value, unit },
  durability: '',
  cpuUs: null,
  note: '',
})

it('compares with the best peer that is as durable, and leaves out what was not measured', () => {
  const verdicts = judge([
    figure(measures.bulk, 'ours on SQLite', 600),
    figure(measures.bulk, 'pg-boss', 100),
    figure(measures.bulk, 'graphile-worker', 200),
    figure(measures.bulk, 'BullMQ on Redis, everysec', 900),
  ])
  expect(verdicts).toMatchObject([{ best: { by: 'graphile-worker' }, value: 3, reached: true, kept: true }])
})

it('tells of a broken promise, of a ratio and of a limit', () => {
  const measured = (idle: number, bulk: number) =>
    judge([
      figure(measures.idleProcessor, 'ours on Postgres', idle, '%'),
      figure(measures.bulk, 'ours on SQLite', bulk),
      figure(measures.bulk, 'bare better-sqlite3', 100),
    ]).map(({ measure, reached, kept }) => [measure, reached, kept])
  expect(measured(0.7, 30)).toEqual([
    [measures.bulk, false, true],
    [measures.idleProcessor, false, true],
  ])
  expect(measured(1.1, 20)).toEqual([
    [measures.bulk, false, false],
    [measures.idleProcessor, false, false],
  ])
})

it('promises nothing beyond its targets', () => {
  for (const { is, target, promised } of targets) {
    expect(is === 'at least' ? promised <= target : promised >= target).toBe(true)
  }
})

it('reports each broken promise, and holds a run to another promise where one is given', () => {
  const figures = [
    figure(measures.dueRatio, 'ours on SQLite', 1.5, 'x'),
    figure(measures.dueRatio, 'ours on Postgres', 1.1, 'x'),
  ]
  const broken = (...promises: string[]) => breachesOf(judge(figures, promisesOf(promises)))
  expect(broken()).toEqual([])
  expect(broken(`${measures.dueRatio}=1.2`)).toEqual([
    `${measures.dueRatio}, ours on SQLite: 1.50 where at most 1.2 is promised`,
  ])
  expect(broken(`${measures.dueRatio}=0`)).toHaveLength(2)
  for (const given of ['speed=2', `${measures.dueRatio}=fast`, measures.dueRatio, '']) {
    expect(() => promisesOf([given])).toThrow(`"${given}" is no promise`)
  }
})

it('reports what a whole run did not judge; without Redis, what is promised beside it alone is left out', () => {
  const redis = { always: 1, everySecond: 2 }
  expect(unjudged([], { redis })).toHaveLength(targets.length)
  expect(unjudged([], { redis })).toContain(`${measures.bulk}, ours on SQLite: promised, and not measured`)
  const everything = (name: string, value: number) =>
    [...new Set(targets.map(({ measure }) => measure))].map((measure) => figure(measure, name, value))
  const withoutRedis = judge(
    ['ours on SQLite', 'ours on Postgres', 'pg-boss', 'bare better-sqlite3', 'bare nodemailer', 'bare route'].flatMap(
      (name) => everything(name, 1),
    ),
  )
  expect(unjudged(withoutRedis, { redis: null })).toEqual([])
  expect(unjudged(withoutRedis, { redis })).toContain(`${measures.one}, ours on SQLite: promised, and not measured`)
})
