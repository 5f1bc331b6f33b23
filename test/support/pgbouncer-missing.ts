import { hasPgBouncer } from './pgbouncer.ts'

/** Vitest calls it before the tests, and what it gives after the summary: the last line that is read. */
export default function setup() {
  return () => {
    if (hasPgBouncer) return
    console.error(
      '\n!! pgbouncer is not installed: Postgres behind a pooler was NOT tested.\n' +
        '!! Install it (apt-get install pgbouncer, brew install pgbouncer) and run the tests again.\n',
    )
  }
}
