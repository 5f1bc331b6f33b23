import fc from 'fast-check'
import { expect, it } from 'vitest'
import { differences, happenings } from './hours.ts'

it('a year of a clinic with quiet hours and budgets differs from one without only as the rules say', {
  timeout: 600_000,
}, async () => {
  for (const all of fc.sample(happenings(365, 1500), { numRuns: 1, seed: 365 })) {
    const { wrong, same, rules } = await differences(all)
    expect(wrong).toEqual([])
    // In a year each of the rules had its messages, and somebody had one that no rule is about.
    expect(rules).toEqual(['budget_spent', 'in_quiet_hours', 'quiet_hours_past', 'quiet_hours_urgent'])
    expect(same).toBeGreaterThan(0)
  }
})
