import fc from 'fast-check'
import { expect, it } from 'vitest'
import { differences, happenings } from './hours.ts'

it('a year of a clinic with quiet hours and budgets differs from one without only as the rules say', {
  timeout: 600_000,
}, async () => {
  for (const all of fc.sample(happenings(365, 1500), { numRuns: 1, seed: 365 })) {
    const { wrong, moved, missing } = await differences(all)
    expect(wrong).toEqual([])
    expect(moved > 100 && missing > 20).toBe(true)
  }
})
