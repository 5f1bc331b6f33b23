import { hasRedis } from './redis-server.ts'

/** Vitest calls it before the tests, and what it gives after the summary: the last line that is read. */
export default function setup() {
  return () => {
    if (hasRedis) return
    console.error(
      '\n!! redis-server is not installed: what needs Redis (the bullmq scheduler, rate limits in Redis) was NOT tested.\n' +
        '!! Install it (apt-get install redis-server, brew install redis) and run the tests again.\n',
    )
  }
}
