import { describe } from 'vitest'
import { madeUpMigrations } from './made-up.ts'
import { sqlitePlace } from './places.ts'
import { upgrades } from './upgrade.ts'

describe('migrations on SQLite', () => {
  upgrades(sqlitePlace)
  madeUpMigrations(sqlitePlace)
})
