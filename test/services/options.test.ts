import { describe, expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { createNotifications } from '../../src/index.ts'
import { openClinic } from '../support/clinic.ts'

describe('options', () => {
  it.each([
    'null',
    '{}',
    '{"storage":{}}',
    '{"storage":"x.sqlite"}',
    '{"directory":5}',
    '{"transports":"smtp"}',
    '{"transports":[{}]}',
    '{"storgae":1}',
    '{"ids":{"appointment":"uuid"}}',
    '{"clock":{}}',
  ])('that cannot be used are refused: %s', async (given) => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    const right = { storage: sqlite(':memory:'), directory: clinic.host, transports: [] }
    const wrong = JSON.parse(given)
    const options = given.length < 5 ? wrong : { ...right, ...wrong }
    expect(() => createNotifications(options)).toThrowError(expect.objectContaining({ code: 'options_invalid' }))
  })
})
