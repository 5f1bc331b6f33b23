import { expect, it } from 'vitest'
import type { Figure } from './measure.ts'
import { measures } from './measures.ts'
import { verdictTable } from './report.ts'
import { breachesOf, judge, promisesOf, targets, unjudged } from './targets.ts'

const figure = (measure: string, by: string, value: number, unit = '/s'): Figure => ({
  ...{ measure, by, value, unit },
  durability: '',
  cpuUs: null,
  note: '',
})

it('compares with the best peer of each way, and leaves out what was not measured', () => {
  const verdicts = judge([
    figure(measures.bulk, 'ours on SQLite', 600),
    figure(measures.bulk, 'pg-boss, careful', 100),
    figure(measures.bulk, 'graphile-worker, careful', 200),
    figure(measures.bulk, 'graphile-worker, usual', 300),
    figure(measures.bulk, 'graphile-worker, empty jobs', 900),
  ])
  expect(verdicts).toMatchObject([
    { best: { by: 'graphile-worker, careful' }, value: 3, limit: 1.5, capped: null, reached: true, kept: true },
    { best: { by: 'graphile-worker, usual' }, value: 2, limit: 1.2, capped: null, reached: true, kept: true },
  ])
})

it('aims at a share of the floor where the target lies above it', () => {
  const [careful, usual] = judge([
    figure(measures.dispatched, 'ours on Postgres', 90),
    figure(measures.dispatched, 'pg-boss, careful', 100),
    figure(measures.dispatched, 'pg-boss, usual', 100),
    figure(measures.dispatched, 'bare pg', 110),
  ])
  expect(careful).toMatchObject({ target: 1.2, capped: { by: 'bare pg' }, reached: true })
  expect(careful?.limit).toBeCloseTo(0.88)
  expect(usual).toMatchObject({ target: 0.8, limit: 0.8, capped: null, reached: true })
  expect(verdictTable(careful === undefined ? [] : [careful])).toContain('≥ 0.88 x (0.8 of bare pg, below 1.2 x)')
})

it('reports a broken promise, of a ratio and of a limit', () => {
  const measured = (idle: number, read: number) =>
    judge([
      figure(measures.idleProcessor, 'ours on Postgres', idle, '%'),
      figure(measures.overExpress, 'ours on SQLite', read),
      figure(measures.overExpress, 'bare route', 100),
    ]).map(({ measure, reached, kept }) => [measure, reached, kept])
  expect(measured(0.7, 70)).toEqual([
    [measures.idleProcessor, false, true],
    [measures.overExpress, false, true],
  ])
  expect(measured(1.1, 50)).toEqual([
    [measures.idleProcessor, false, false],
    [measures.overExpress, false, false],
  ])
})

it('promises nothing beyond its targets', () => {
  for (const { is, target, promised } of targets) {
    expect(is === 'at least' ? promised <= target : promised >= target).toBe(true)
  }
})

const of = (measure: string) => {
  const found = targets.find((target) => target.measure === measure)
  if (found === undefined) throw new Error(`nothing is promised of ${measure}`)
  return found
}

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
  expect(promisesOf([], 0.5)({ ...of(measures.overExpress), promised: 0.6 })).toBe(0.3)
  expect(promisesOf([], 0.5)({ ...of(measures.dueRatio), promised: 2 })).toBe(4)
  for (const given of ['speed=2', `${measures.dueRatio}=fast`, measures.dueRatio, '']) {
    expect(() => promisesOf([given])).toThrow(`"${given}" is no promise`)
  }
})

it('reports what a whole run did not judge', () => {
  expect(unjudged([])).toHaveLength(targets.length)
  expect(unjudged([])).toContain(`${measures.bulk}, ours on SQLite: promised, and not measured`)
  const everything = (name: string) =>
    [...new Set(targets.map(({ measure }) => measure))].map((measure) => figure(measure, name, 1))
  const ours = ['ours on SQLite', 'ours on Postgres', 'bare nodemailer', 'bare route', 'ours', 'zod'].flatMap(
    everything,
  )
  expect(unjudged(judge([...ours, ...['pg-boss, usual', 'BullMQ, careful'].flatMap(everything)]))).toEqual([])
  expect(unjudged(judge([...ours, ...everything('pg-boss, usual')]))).toContain(
    `${measures.ten}, ours on SQLite: promised, and not measured`,
  )
})
