/** Several processes on one PostgreSQL, small; `npm run proof:postgres` is the same at full size. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts'
import { hanging, restarts, sharing } from './parts.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
}, 60_000)
afterAll(() => server.stop())

it('pain 10: lets workers share what is due, each its part, nothing twice', { timeout: 90_000 }, async () => {
  const { facts, breaches } = await sharing(server, { workers: 2, appointments: 2000, spreadMs: 0 })
  expect(breaches, JSON.stringify(facts)).toEqual([])
})

it('loses nothing while connections are cut and the database is restarted', { timeout: 120_000 }, async () => {
  const { facts, breaches } = await restarts(server, { workers: 2, appointments: 400, spreadMs: 6000 })
  expect(breaches, JSON.stringify(facts)).toEqual([])
})

it('sends past a mail server that never answers', { timeout: 120_000 }, async () => {
  const { facts, breaches } = await hanging(server, { workers: 1, appointments: 400, spreadMs: 2000 })
  // How late is measured by the proof, on a machine that does nothing else; here everything has to arrive at all.
  expect(
    breaches.filter((breach) => !breach.startsWith('p99')),
    JSON.stringify(facts),
  ).toEqual([])
})
