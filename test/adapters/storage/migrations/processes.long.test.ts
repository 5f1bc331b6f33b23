import { afterAll, beforeAll, describe, vi } from 'vitest'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { postgresPlace, sqlitePlace } from './places.ts'
import { killedMigrations, severalMigrate } from './processes.ts'

// A process for every statement.
vi.setConfig({ testTimeout: 600_000 })

describe('migrations on SQLite by processes', () => {
  severalMigrate(sqlitePlace)
  killedMigrations(sqlitePlace)
})

describe('migrations on PostgreSQL by processes', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await openPostgres()
  })
  afterAll(() => server.stop())

  severalMigrate(postgresPlace(() => server))
  killedMigrations(postgresPlace(() => server))
})
