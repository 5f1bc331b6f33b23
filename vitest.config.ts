import { readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** See test/README.md: what is slow or long, and what has a process alone. */
const slow = 'test/**/*.slow.test.ts'
const long = 'test/**/*.long.test.ts'
const alone = 'test/**/*.alone.test.ts'

/** Where no earlier run has told how long files take, vitest begins with the largest. These are short, and take long. */
const latecomers = /conformance\.(slow\.)?test|regexes/

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return [
      ...sorted.filter((file) => latecomers.test(file.moduleId)),
      ...sorted.filter((file) => !latecomers.test(file.moduleId)),
    ]
  }
}

const common = {
  setupFiles: ['test/support/pg-warnings.ts'],
  // No test waits for time to pass; on a busy machine with few cores those that work hard still need more than 5 s.
  testTimeout: 30_000,
  hookTimeout: 30_000,
  expect: { poll: { timeout: 10_000 } },
}

/**
 * Short tests ask what is written, not whether it survives a power cut: their files are in memory where the machine has a place for
 * them, so that no test waits for a disk. What measures, and what kills processes, is long, and stays on the disk.
 */
function inMemory(): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    return bavail * bsize > 4 * 2 ** 30 ? '/dev/shm' : tmpdir()
  } catch {
    return tmpdir()
  }
}
const env = { TMPDIR: inMemory() }
const shared = { env, isolate: false }

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
      'test/support/calendar-missing.ts',
      'test/support/pgbouncer-missing.ts',
      'test/support/shared-servers.ts',
    ],
    projects: [
      // Files of one worker share what is imported: loading it again for each would take as long as the tests.
      {
        resolve,
        test: { ...common, ...shared, name: 'short', include: ['test/**/*.test.ts'], exclude: [slow, long, alone] },
      },
      { resolve, test: { ...common, ...shared, name: 'slow', include: [slow] } },
      { test: { ...common, env, name: 'alone', include: [alone] } },
      // One after another, when the others are over: they measure what the machine does to several processes of theirs.
      { test: { ...common, name: 'long', include: [long], maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
})
