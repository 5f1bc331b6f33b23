import { afterAll, beforeAll, describe } from 'vitest'
import { type StoragePart, storageConformance } from '../../../conformance/storage/index.ts'
import { openDatabase, openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { reusing } from './fixture.ts'

const core: readonly StoragePart[] = ['claims', 'requests', 'values']

const servers = [
  { name: 'the newest PostgreSQL', start: openPostgres, ways: [['a pool'], ['a Kysely with CamelCasePlugin', core]] },
  { name: 'PostgreSQL 13', start: () => openDatabase('oldest'), ways: [['a URL', ['migration and life', ...core]]] },
] as const

const openers = { 'a pool': 'pool', 'a URL': 'url', 'a Kysely with CamelCasePlugin': 'kysely' } as const

for (const { name, start, ways } of servers) {
  describe(name, () => {
    let server: PostgresServer
    beforeAll(async () => {
      server = await start()
    })
    afterAll(() => server.stop())

    for (const [way, only] of ways) {
      const open = reusing(() => server, openers[way])
      storageConformance({ name: `postgres, ${way}`, open, ...(only === undefined ? {} : { only }) })
    }
  })
}
