import { afterAll, beforeAll, describe } from 'vitest'
import { storageConformance } from '../../../conformance/storage/index.ts'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { reusing } from './fixture.ts'

/** Other ways and the oldest release: `conformance.long.test.ts`. */
describe('the newest PostgreSQL', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await openPostgres()
  })
  afterAll(() => server.stop())
  storageConformance({ name: 'postgres, a pool', open: reusing(() => server, 'pool') })
})
