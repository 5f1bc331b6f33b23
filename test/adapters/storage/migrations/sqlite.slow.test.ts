import { describe } from 'vitest'
import { besideNewer } from './beside.ts'
import { madeUpMigrations } from './made-up.ts'
import { sqlitePlace } from './places.ts'
import { upgrades } from './upgrade.ts'

describe('migrations on SQLite', () => {
  upgrades(sqlitePlace)
  madeUpMigrations(sqlitePlace)
  besideNewer(sqlitePlace)
})
