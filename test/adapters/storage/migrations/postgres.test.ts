import { afterAll, beforeAll, describe } from 'vitest'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { besideNewer, unfinished } from './beside.ts'
import { madeUpMigrations } from './made-up.ts'
import { postgresPlace } from './places.ts'
import { upgrades } from './upgrade.ts'

describe('migrations on PostgreSQL', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await openPostgres()
  })
  afterAll(() => server.stop())

  upgrades(postgresPlace(() => server))
  madeUpMigrations(postgresPlace(() => server))
  besideNewer(postgresPlace(() => server))
  unfinished(postgresPlace(() => server))
})
