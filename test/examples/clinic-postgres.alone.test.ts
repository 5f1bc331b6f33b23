/** The same client against the same clinic, with the library's rows in PostgreSQL. */
import { afterAll } from 'vitest'
import { clinicDatabase } from '../support/clinic-process.ts'
import { openDatabase } from '../support/postgres-server.ts'

const server = await openDatabase()
process.env[clinicDatabase] = server.url
afterAll(() => server.stop())

await import('./clinic.slow.test.ts')
