/** The same client against the same clinic, with the library's rows in PostgreSQL. */
import { afterAll } from 'vitest'
import { openPostgres } from '../support/postgres-server.ts'

const server = await openPostgres()
process.env['DATABASE_URL'] = server.url
afterAll(() => server.stop())

await import('./clinic.test.ts')
