import { describe, expect, it } from 'vitest'
import {
  busyError,
  CommandTimeout,
  importError,
  isBroken,
  isContention,
  isDisconnected,
  mayPass,
  storageError,
  unknownCommit,
} from '../../../../adapters/storage/postgres/errors.ts'
import { postgres } from '../../../../adapters/storage/postgres.ts'
import { isNotificationError, NotificationError } from '../../../../src/index.ts'

const failed = (code: string, message = 'x') => Object.assign(new Error(message), { code })

describe('postgres, what its errors become', () => {
  for (const name of ['pg', 'kysely']) {
    it(`says what to install where ${name} is missing`, () => {
      const cause = failed('ERR_MODULE_NOT_FOUND', `Cannot find package '${name}' imported from /app/dist/x.js`)
      expect(importError(cause)).toMatchObject({ code: 'dependency_missing', cause })
      expect(importError(cause)).toHaveProperty('message', expect.stringContaining('npm install pg kysely'))
    })
  }

  it('leaves another failure of the import as it is', () => {
    for (const cause of [failed('ERR_MODULE_NOT_FOUND', `Cannot find package 'zod'`), failed('ERR_DLOPEN_FAILED')]) {
      expect(importError(cause)).toBe(cause)
    }
  })

  it('does not repeat what a data exception quotes', () => {
    const cause = failed('22003', 'value "4915123456789" is out of range for type integer')
    expect(storageError(cause)).toMatchObject({
      code: 'storage_failed',
      message: 'Postgres failed: 22003: it refused a value',
      cause,
    })
  })

  it('tells a lost connection, contention and the rest apart', () => {
    for (const code of ['08006', '57P01', '57P03', '53300', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']) {
      expect([code, isDisconnected(failed(code)), isContention(failed(code))]).toEqual([code, true, false])
    }
    for (const code of ['40001', '40P01']) {
      expect([code, isDisconnected(failed(code)), isContention(failed(code))]).toEqual([code, false, true])
    }
    for (const error of [failed('22P02'), failed('28P01'), new Error('x'), null]) {
      expect([isDisconnected(error), isContention(error)]).toEqual([false, false])
    }
    expect(isDisconnected(new Error('Connection terminated unexpectedly'))).toBe(true)
  })

  it('gives up a connection that broke, fell silent or cannot write', () => {
    for (const error of [
      failed('ECONNRESET'),
      failed('25006'),
      new CommandTimeout(5),
      new Error('Query read timeout'),
    ]) {
      expect([error, isBroken(error)]).toEqual([error, true])
    }
    for (const error of [failed('55P03'), failed('57014'), new NotificationError('invalid_input', 'x')]) {
      expect([error, isBroken(error)]).toEqual([error, false])
    }
    expect(unknownCommit(failed('ECONNRESET'))).toMatchObject({
      code: 'storage_failed',
      message: expect.stringContaining('may or may not be stored'),
    })
  })

  it.each([
    ['25006', 'cannot execute INSERT', 'read-only'],
    ['53100', 'No space left on device', 'lacked a resource'],
    ['57014', 'canceling statement due to statement timeout', '"commandTimeoutMs"'],
    ['53300', 'sorry, too many clients already', 'could not be reached'],
    ['55P03', 'canceling statement due to lock timeout', 'Look for a long transaction'],
  ])('tries again after %s, and says what kept it: %s', (code, message, said) => {
    const cause = failed(code, message)
    expect(mayPass(cause)).toBe(true)
    expect(busyError(7, cause)).toMatchObject({ code: 'storage_busy', message: expect.stringContaining(said), cause })
  })

  it('keeps its own errors, names a missing table, and wraps the rest', () => {
    const own = new NotificationError('conflict', 'x')
    expect(storageError(own)).toBe(own)
    for (const code of ['42P01', '42703', '3F000']) {
      expect(storageError(failed(code))).toMatchObject({ code: 'migration_missing' })
    }
    expect(storageError(failed('22P02', 'odd text'))).toMatchObject({ code: 'storage_failed' })
    expect(storageError('odd')).toMatchObject({ code: 'storage_failed', cause: 'odd' })
  })

  it('refuses options that cannot work, without repeating the URL', () => {
    const wrong = [
      'mysql://root:secret@localhost/x',
      { url: 'postgres://localhost/x', connections: 0 },
      { url: 'postgres://localhost/x', schema: '' },
      { url: 'postgres://localhost/x', commandTimeoutMs: 0.5 },
      { url: 'postgres://localhost/x', idleTimeoutMs: 0 },
      { url: 'postgres://localhost/x', connectTimeoutMs: Number.POSITIVE_INFINITY },
    ]
    for (const options of wrong) {
      try {
        postgres(options)
        expect.unreachable()
      } catch (error) {
        expect(isNotificationError(error) && error.code).toBe('options_invalid')
        expect(String(error)).not.toContain('secret')
      }
    }
  })
})
