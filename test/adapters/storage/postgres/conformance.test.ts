import { afterAll, beforeAll } from 'vitest'
import { storageConformance } from '../../../conformance/storage/index.ts'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { opener } from './fixture.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())

storageConformance(
  'postgres, a pool',
  opener(() => server, 'pool'),
)
storageConformance(
  'postgres, a Kysely with CamelCasePlugin',
  opener(() => server, 'kysely'),
)
