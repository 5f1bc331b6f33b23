import { describe, expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { smtp } from '../../adapters/transport/smtp.ts'
import { createNotifications, trustEveryCaller } from '../../src/index.ts'
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
    '{"retry":{"maxRetry":5}}',
    '{"variables":{"date":"text"}}',
    '{"variables":{"constructor":"text"}}',
  ])('that cannot be used are refused: %s', async (given) => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    const right = { storage: sqlite(':memory:'), directory: clinic.host, transports: [] }
    const wrong = JSON.parse(given)
    const options = given.length < 5 ? wrong : { ...right, ...wrong }
    expect(() => createNotifications(options)).toThrowError(expect.objectContaining({ code: 'options_invalid' }))
  })

  it.each([0, -1, Number.NaN])(
    'that leave a transport no send at a time are refused: concurrency %d',
    async (concurrency) => {
      await using clinic = await openClinic('2026-03-18T12:00:00Z')
      const options = { storage: sqlite(':memory:'), directory: clinic.host }
      const refusal = { code: 'options_invalid', message: expect.stringContaining('concurrency') }
      const make = (given: number) => createNotifications({ ...options, transports: [smtp({ concurrency: given })] })
      expect(() => make(concurrency)).toThrowError(expect.objectContaining(refusal))
      expect(() => make(Number.POSITIVE_INFINITY)).not.toThrow()
    },
  )

  it('that are undefined keep their defaults, those inside others too', async () => {
    const ids = { appointment: undefined, recipient: undefined }
    const rateLimits = { sending: undefined, service: { reading: undefined } }
    await using clinic = await openClinic(
      '2026-03-18T12:00:00Z',
      Object.fromEntries([
        ['ids', ids],
        ['rateLimits', rateLimits],
        ['authenticate', trustEveryCaller()],
      ]),
    )
    clinic.host.book({ id: 1, startsAt: new Date('2026-03-20T12:00:00Z') })
    const answer = await clinic.handle({
      method: 'POST',
      path: '/send/appointment/1',
      query: '',
      headers: { 'content-type': 'application/json' },
      native: null,
      readBody: async () => ({ kind: 'parsed', value: { notification_type: 'confirmation' }, bytes: null }),
    })
    expect(answer.status).toBe(201)
    expect(await clinic.notifications.getReminders(1)).toEqual([])
    await expect(clinic.notifications.getReminders('1')).rejects.toMatchObject({ code: 'invalid_input' })
  })
})
