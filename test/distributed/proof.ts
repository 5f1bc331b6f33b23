/**
 * Several workers on one PostgreSQL: `npm run proof:postgres`, or `-- --part sharing --appointments 10000` for a part of it and
 * another size. Prints what happened, and exits with 1 where a promise was broken. `--break lost` breaks one.
 */
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { openPostgres } from '../support/postgres-server.ts'
import { breakage, count, prove } from '../support/proof.ts'
import { hanging, restarts, type Spoil, sharing } from './parts.ts'

const partNames = ['sharing', 'restarts', 'hanging'] as const

const { values } = parseArgs({
  options: {
    appointments: { type: 'string', default: '100000' },
    workers: { type: 'string', default: '4' },
    part: { type: 'string', multiple: true, default: [...partNames] },
    break: { type: 'string' },
  },
})
const { appointments, workers, part } = z
  .object({ appointments: count, workers: count, part: z.array(z.enum(partNames)) })
  .parse(values)

const spoil = breakage<Parameters<Spoil>[0]>(values.break, {
  lost: (received) => received.filter(({ appointmentId }) => appointmentId !== received[0]?.appointmentId),
  twice: (received) => [...received, ...received.slice(0, 1)],
})

const server = await openPostgres()
const parts = {
  sharing: () => sharing(server, { workers, appointments, spreadMs: 0 }, spoil),
  restarts: () =>
    restarts(server, { workers, appointments: Math.ceil(appointments / 10), spreadMs: appointments }, spoil),
  hanging: () =>
    hanging(server, { workers: 2, appointments: Math.ceil(appointments / 50), spreadMs: appointments / 4 }, spoil),
}
try {
  await prove(
    part.map((name) => async () => {
      const { title, facts, breaches } = await parts[name]()
      console.log(title, JSON.stringify(facts, null, 2))
      return breaches
    }),
  )
} finally {
  await server.stop()
}
