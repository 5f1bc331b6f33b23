import { describe, expect, it } from 'vitest'
import { importError, isBusy, storageError } from '../../../../adapters/storage/sqlite/errors.ts'
import { NotificationError } from '../../../../src/index.ts'

const failed = (code: string, message: string) => Object.assign(new Error(message), { code })

describe('sqlite, what its errors become', () => {
  for (const name of ['better-sqlite3', 'kysely']) {
    it(`says what to install where ${name} is missing`, () => {
      const cause = failed('ERR_MODULE_NOT_FOUND', `Cannot find package '${name}' imported from /app/dist/x.js`)
      const error = importError(cause)
      expect(error).toBeInstanceOf(NotificationError)
      expect(error).toMatchObject({ code: 'dependency_missing', cause })
      expect(error).toHaveProperty('message', expect.stringContaining('npm install better-sqlite3 kysely'))
    })
  }

  it('leaves another failure of the import as it is', () => {
    for (const cause of [
      failed('ERR_MODULE_NOT_FOUND', `Cannot find package 'zod'`),
      failed('ERR_DLOPEN_FAILED', 'ABI'),
    ]) {
      expect(importError(cause)).toBe(cause)
    }
  })

  it('tells busy from broken', () => {
    for (const code of ['SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT', 'SQLITE_BUSY_RECOVERY', 'SQLITE_LOCKED']) {
      expect(isBusy(failed(code, 'database is locked'))).toBe(true)
    }
    for (const error of [failed('SQLITE_CORRUPT', 'malformed'), new Error('busy'), null, 'SQLITE_BUSY']) {
      expect(isBusy(error)).toBe(false)
    }
  })

  it('keeps its own errors, names a missing table, and wraps the rest', () => {
    const own = new NotificationError('conflict', 'x')
    expect(storageError(own)).toBe(own)
    expect(storageError(failed('SQLITE_ERROR', 'no such table: reminder_plans'))).toMatchObject({
      code: 'migration_missing',
    })
    expect(storageError(failed('SQLITE_FULL', 'disk full'))).toMatchObject({ code: 'storage_failed' })
    expect(storageError('odd')).toMatchObject({ code: 'storage_failed', cause: 'odd' })
  })
})
