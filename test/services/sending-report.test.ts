/** What a process writes to the log about whether it can send at all. */
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import pino from 'pino'
import { describe, expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { capture } from '../../adapters/transport/capture.ts'
import type { NotificationsOptions, Transport } from '../../src/index.ts'
import { openClinic } from '../support/clinic.ts'

const now = '2026-03-18T12:00:00Z'
const needing = (name: string, channel: 'EMAIL' | 'SMS'): Transport => ({
  name,
  channels: [channel],
  needsAccount: true,
  send: async () => ({ messageId: null }),
})
const smtp = needing('smtp', 'EMAIL')
const mailEnv = { DEFAULT_SMTP_HOST: 'smtp.example.org', DEFAULT_EMAIL_USERNAME: 'clinic' }

type Line = Readonly<Record<string, unknown>>
async function linesOf(options: Partial<NotificationsOptions>): Promise<Line[]> {
  const lines: Line[] = []
  const write =
    (level: string) =>
    (message: string, fields: object = {}) =>
      void lines.push({ level, message, ...fields })
  const logger = { debug: () => {}, info: write('info'), warn: write('warn'), error: write('error') }
  await using clinic = await openClinic(now, { logger, ...options })
  await clinic.start()
  return lines.filter(({ message }) => String(message).includes('sending'))
}

describe('start() writes one line a channel', () => {
  it('that is sent on, with who sends', async () => {
    const env = { ...mailEnv, DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.org' }
    expect(await linesOf({ transports: [smtp, { ...capture(), channels: ['SMS'] }], env })).toEqual([
      { level: 'info', message: 'sending', channel: 'EMAIL', provider: 'smtp', account: 'default' },
      { level: 'info', message: 'sending', channel: 'SMS', provider: 'capture', account: 'transport' },
    ])
  })

  it('that is not, with the reason and the variables to set', async () => {
    expect(await linesOf({ transports: [smtp], env: {} })).toMatchObject([
      { level: 'info', channel: 'EMAIL', fault: 'no_account', set: expect.stringContaining('DEFAULT_SMTP_HOST and ') },
      { level: 'info', channel: 'SMS', fault: 'no_transport' },
    ])
    expect(await linesOf({ transports: [smtp], env: mailEnv })).toMatchObject([
      { level: 'warn', channel: 'EMAIL', fault: 'no_sender', set: 'DEFAULT_EMAIL_FROM_ADDRESS' },
      { level: 'info', channel: 'SMS' },
    ])
    const env = { DEFAULT_SMS_PROVIDER: 'pigeon', DEFAULT_SMS_API_KEY: 'key' }
    expect(await linesOf({ transports: [needing('pigeon', 'SMS')], env })).toMatchObject([
      { level: 'info', channel: 'EMAIL', fault: 'no_transport' },
      {
        level: 'warn',
        channel: 'SMS',
        fault: 'no_credentials',
        set: expect.stringContaining('DEFAULT_SMS_API_SECRET'),
      },
    ])
  })
})

describe('due work that nobody sends', () => {
  const start = (minutes: number) => new Date(Date.parse(now) + minutes * 60_000)
  const warned = (clinic: Awaited<ReturnType<typeof openClinic>>) =>
    clinic.log.lines.filter((line) => line.includes('not sent by any process')).length

  it('is logged by the process that plans, once a minute at most', async () => {
    await using clinic = await openClinic(now, { sweepMs: 30_000 })
    for (const id of [1, 2, 3]) clinic.host.book({ id, startsAt: start(90 * id) })
    await clinic.notifications.scheduleReminders(1, { customReminders: [1] })
    await clinic.settle()
    expect(warned(clinic)).toBe(0)
    await clinic.clock.advance(40 * 60_000)
    await clinic.notifications.scheduleReminders(2, { customReminders: [1] })
    await clinic.notifications.scheduleReminders(3, { customReminders: [1] })
    await clinic.settle()
    expect(warned(clinic)).toBe(1)
  })

  it('is not where another process sends, or this one was started', async () => {
    const storage = sqlite(':memory:')
    await using clinic = await openClinic(now, { storage })
    await using sender = await openClinic(now, { storage })
    for (const id of [1, 2]) {
      clinic.host.book({ id, startsAt: start(90 * id) })
      sender.host.book({ id, startsAt: start(90 * id) })
    }
    await sender.start()
    await clinic.notifications.scheduleReminders(1, { customReminders: [1] })
    for (const { clock } of [clinic, sender]) await clock.advance(40 * 60_000)
    await clinic.notifications.scheduleReminders(2, { customReminders: [1] })
    await sender.notifications.scheduleReminders(2, { customReminders: [1] })
    await clinic.settle()
    expect([warned(clinic), warned(sender)]).toEqual([0, 0])
  })
})

it('a logger of pino, which takes fields first, gets message and fields', async () => {
  const output = new PassThrough()
  const logger = pino({ base: null, timestamp: false }, output)
  for (const given of [logger, logger.child({ part: 'notifications' })]) {
    const clinic = await openClinic(now, { logger: given, transports: [], env: {} })
    await clinic.start()
    await clinic.stop()
  }
  output.end()
  const lines = (await text(output))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const line = {
    level: 30,
    channel: 'SMS',
    fault: 'no_transport',
    msg: 'not sending: no transport for this channel',
  }
  expect(lines).toContainEqual(expect.objectContaining(line))
  expect(lines).toContainEqual(expect.objectContaining({ ...line, part: 'notifications' }))
})
