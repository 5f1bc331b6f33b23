/**
 * Several workers on one PostgreSQL: `npm run proof:postgres`, or `-- --appointments 10000` for another size. Prints what
 * happened, and exits with 1 where a promise was broken.
 */
import { parseArgs } from 'node:util'
import { openPostgres } from '../support/postgres-server.ts'
import { hanging, restarts, sharing, type Verdict } from './parts.ts'

const { values } = parseArgs({
  options: { appointments: { type: 'string', default: '100000' }, workers: { type: 'string', default: '4' } },
})
const appointments = Number(values.appointments)
const workers = Number(values.workers)

const server = await openPostgres()
const verdicts: Verdict[] = []
try {
  const parts = [
    () => sharing(server, { workers, appointments, spreadMs: 0 }),
    () => restarts(server, { workers, appointments: appointments / 10, spreadMs: appointments }),
    () => hanging(server, { workers: 2, appointments: appointments / 50, spreadMs: appointments / 4 }),
  ]
  for (const part of parts) {
    const verdict = await part()
    verdicts.push(verdict)
    console.log(verdict.title, JSON.stringify(verdict.facts, null, 2))
    for (const breach of verdict.breaches) console.error(`BROKEN: ${breach}`)
  }
} finally {
  await server.stop()
}
if (verdicts.some(({ breaches }) => breaches.length > 0)) process.exitCode = 1
