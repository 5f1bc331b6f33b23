import fc from 'fast-check'
import { expect, it } from 'vitest'
import { differences, happenings } from './hours.ts'

it('two weeks of a clinic with quiet hours and budgets differ from those without only as the rules say', {
  timeout: 60_000,
}, async () => {
  let [moved, missing, same] = [0, 0, 0]
  for (const all of fc.sample(happenings(14, 40), { numRuns: 3, seed: 28 })) {
    const found = await differences(all)
    expect(found.wrong).toEqual([])
    moved += found.moved
    missing += found.missing
    same += found.same
  }
  expect([moved > 0, missing > 0, same > 0]).toEqual([true, true, true])
})
