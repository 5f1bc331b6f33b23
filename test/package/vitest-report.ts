import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { z } from 'zod'

const report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string(),
      assertionResults: z.array(
        z.object({ title: z.string(), status: z.string(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
})

export type FileResult = {
  readonly passed: readonly string[]
  readonly skipped: readonly string[]
  /** By the name of the test: what it said, without colours. */
  readonly failed: ReadonlyMap<string, string>
}

/** Arguments of Node in a project with vitest: runs its tests, and leaves the report for `resultsIn`. */
export const runTests = [
  'node_modules/vitest/vitest.mjs',
  'run',
  '--reporter=json',
  '--outputFile=report.json',
] as const

/** What the tests of a project came to, by the name of their file. */
export function resultsIn(project: string): ReadonlyMap<string, FileResult> {
  const { testResults } = report.parse(JSON.parse(readFileSync(join(project, 'report.json'), 'utf8')))
  return new Map(
    testResults.map(({ name, message, assertionResults }) => {
      if (assertionResults.length === 0) throw new Error(`${basename(name)} has no tests: ${message}`)
      const titles = (status: string) =>
        assertionResults.filter((one) => one.status === status).map(({ title }) => title)
      const failed = assertionResults
        .filter(({ status }) => status === 'failed')
        .map(({ title, failureMessages }) => [title, failureMessages?.join('\n') ?? ''] as const)
      const skipped = [...titles('skipped'), ...titles('pending')]
      return [basename(name), { passed: titles('passed'), skipped, failed: new Map(failed) }]
    }),
  )
}
