import { expect, it } from 'vitest'
import type { Figure } from './measure.ts'
import { measures } from './measures.ts'
import { judge, targets } from './targets.ts'

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
