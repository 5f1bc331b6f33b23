import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** See test/README.md: what is long, and what has a process alone. */
const long = 'test/**/*.long.test.ts'
const alone = 'test/**/*.alone.test.ts'

/** Where no earlier run has told how long files take, vitest begins with the largest. These are short, and take long. */
const slow = /conformance\.test|loaded-modules|regexes/

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return [...sorted.filter((file) => slow.test(file.moduleId)), ...sorted.filter((file) => !slow.test(file.moduleId))]
  }
}

const common = {
  // No test waits for time to pass; on a busy machine with few cores those that work hard still need more than 5 s.
  testTimeout: 30_000,
  hookTimeout: 30_000,
  expect: { poll: { timeout: 10_000 } },
}

/** Programs of the guides import the package by its name, and are given its sources. */
const { compilerOptions }: { compilerOptions: { paths: Record<string, [string]> } } = JSON.parse(
  readFileSync(new URL('tsconfig.json', import.meta.url), 'utf8'),
)
const resolve = {
  alias: Object.entries(compilerOptions.paths).map(([name, [path]]) => ({
    find: new RegExp(`^${name}$`),
    replacement: new URL(path, import.meta.url).pathname,
  })),
}

export default defineConfig({
  test: {
    // Half of the work is waiting for servers: on two cores vitest would take one worker.
    maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
    sequence: { sequencer: SlowFirst },
    globalSetup: [
      'test/support/redis-missing.ts',
      'test/support/smtp-sink-missing.ts',
      'test/support/pgbouncer-missing.ts',
      'test/support/shared-servers.ts',
    ],
    projects: [
      // Files of one worker share what is imported: loading it again for each would take as long as the tests.
      {
        resolve,
        test: { ...common, name: 'short', include: ['test/**/*.test.ts'], exclude: [long, alone], isolate: false },
      },
      { test: { ...common, name: 'alone', include: [alone] } },
      // One after another, when the others are over: they measure what the machine does to several processes of theirs.
      { test: { ...common, name: 'long', include: [long], maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
})
