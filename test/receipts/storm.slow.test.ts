import { expect, it } from 'vitest'
import { onSqlite } from './places.ts'
import { trial } from './trial.ts'

it.each([1, 2, 3])('a storm of reports leaves what the same reports leave in order (%i)', async (seed) => {
  const { storm, breaches } = await trial(onSqlite, 200, seed)
  expect(breaches).toEqual([])
  expect(storm.reports).toBeGreaterThanOrEqual(400)
})

it('would show a report that was lost, and a message that was counted twice', async () => {
  const first = ([row, ...others]: readonly Record<string, unknown>[], change: object) => [
    { ...row, ...change },
    ...others,
  ]
  const lost = await trial(onSqlite, 50, 1, (left) => ({
    ...left,
    notification_history: first(left['notification_history'] ?? [], { delivery_detail: null, status: 'QUEUED' }),
  }))
  expect(lost.breaches).toEqual([expect.stringMatching(/^notification_history: in order there is no row/)])
  const twice = await trial(onSqlite, 50, 2, (left) => ({
    ...left,
    notification_counters: first(left['notification_counters'] ?? [], { count: 999 }),
  }))
  expect(twice.breaches).toEqual([expect.stringMatching(/^notification_counters: in order there is no row/)])
})
