import { postgres as postgresStorage } from '../../adapters/storage/postgres.ts'
import { sqlite as sqliteStorage } from '../../adapters/storage/sqlite.ts'
import { type Store, storeOn } from '../../src/records/store.ts'
import { declaring } from './declared.ts'

/** The storages with the commands of the records, for tests that call these by themselves. */
export const sqlite = (...args: Parameters<typeof sqliteStorage>): Store => storeOn(declaring(sqliteStorage(...args)))
export const postgres = (...args: Parameters<typeof postgresStorage>): Store => storeOn(postgresStorage(...args))
