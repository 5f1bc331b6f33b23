import { afterAll, beforeAll, describe } from 'vitest'
import { type StoragePart, storageConformance } from '../../../conformance/storage/index.ts'
import { openDatabase, openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { reusing } from './fixture.ts'

const core: readonly StoragePart[] = ['claims', 'requests', 'values']

const servers = [
  {
    name: 'the newest PostgreSQL',
    start: openPostgres,
    way: 'a Kysely with CamelCasePlugin',
    opener: 'kysely',
    only: core,
  },
  {
    name: 'PostgreSQL 13',
    start: () => openDatabase('oldest'),
    way: 'a URL',
    opener: 'url',
    only: ['migration and life', ...core],
  },
] as const

for (const { name, start, way, opener, only } of servers) {
  describe(name, () => {
    let server: PostgresServer
    beforeAll(async () => {
      server = await start()
    })
    afterAll(() => server.stop())
    storageConformance({ name: `postgres, ${way}`, open: reusing(() => server, opener), only })
  })
}
