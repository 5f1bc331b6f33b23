import { expect, it } from 'vitest'
import { livedMonth } from './consent-month.ts'

it('in a month of 500 people, nobody gets a message after a refusal, and each state is explained', async () => {
  const month = await livedMonth(500, 11)
  expect(month.sent).toBeGreaterThan(500)
  expect(month.broken).toEqual([])
  expect(month.wrong).toEqual([])
}, 900_000)
