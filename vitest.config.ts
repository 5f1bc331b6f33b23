import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // Half of the work is waiting for servers: on two cores vitest would take one worker.
    maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
    globalSetup: ['test/support/redis-missing.ts', 'test/support/pgbouncer-missing.ts'],
    // No test waits for time to pass; on a busy machine with few cores those that work hard still need more than 5 s.
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
