import { expect, it } from 'vitest'
import { livedMonth } from './consent-month.ts'

it('in a month of people who change their minds, nobody gets a message after a refusal, and each state is explained', async () => {
  const month = await livedMonth(20, 7)
  expect(month.sent).toBeGreaterThan(10)
  expect(month.messages).toBeGreaterThan(50)
  expect(month.broken).toEqual([])
  expect(month.wrong).toEqual([])
}, 60_000)
