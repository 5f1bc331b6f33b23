import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { apiReport, reportFile } from './api-report.ts'

it('the public API is what api.txt says; if it should be another, run `npm run api`', { timeout: 120_000 }, () => {
  expect(apiReport()).toBe(readFileSync(reportFile, 'utf8'))
})
