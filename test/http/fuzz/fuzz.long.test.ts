import { expect, test } from 'vitest'
import { faultOf } from './floors.ts'
import { fuzzRows } from './runner.ts'

/** `FUZZ_SEED` repeats a run of the proof, or tries another. */
const seed = Number(process.env['FUZZ_SEED'] ?? 1)

test('every operation of the document answers as it says, whatever it is asked', { timeout: 180_000 }, async () => {
  const reports = await fuzzRows(200, seed)
  expect(reports.length).toBeGreaterThan(25)
  expect(reports.map((report) => [report.id, faultOf(report)]).filter(([, fault]) => fault !== null)).toEqual([])
})
