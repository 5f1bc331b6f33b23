import { PassThrough, type Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import pino from 'pino'
import { expect, it } from 'vitest'
import winston from 'winston'
import { type Logger, type Transport, TransportError } from '../../../src/index.ts'
import { ada, openClinic, organizationId } from '../../support/clinic.ts'

const secret = 'hunter2-of-the-clinic'
/** What no line may hold: who is written to, what, and what the provider asks for. */
const personal = [ada.name, 'Ada', ada.email, ada.phone, 'Dr. Smith', 'Room 4', secret, 'appointment with']

/** A provider whose answers repeat the address and what it signed in with, and whose errors hold everything. */
const talkative = (outcome: TransportError['outcome'] | null): Transport => ({
  name: 'smtp',
  channels: ['EMAIL'],
  needsAccount: true,
  async send(message, { account }) {
    const all = new Error(`${message.toName} ${message.text} ${JSON.stringify(account)}`)
    if (outcome === null) throw all
    const words = `535 <${message.to}> may not be written to by ${JSON.stringify(account)}`
    throw new TransportError(words, { outcome, code: 'smtp_535', scope: 'account', cause: all })
  },
})

/** What goes wrong in a day of a clinic: providers that fail, rows that cannot be read, a directory and a listener that throw. */
async function badDay(logger: Logger): Promise<void> {
  for (const outcome of ['transient', null] as const) {
    await using clinic = await openClinic('2026-03-02T09:00:00Z', { logger, transports: [talkative(outcome)] })
    const account = { emailSmtpHost: 'mail.harbour.example', emailUsername: 'clinic', emailPassword: secret }
    await clinic.settings.createOrganizationSettings(organizationId, {
      ...account,
      emailFromAddress: 'clinic@harbour.example',
    })
    const row = clinic.host.book({ id: 1, startsAt: '2026-03-03T10:00:00Z' })
    clinic.events.on('reminder.scheduled', () => {
      throw new Error(`${ada.name} <${ada.email}>`)
    })
    await clinic.start()
    await clinic.notifications.appointmentBooked(1)
    await clinic.clock.advance(60_000)
    clinic.host.appointmentRows.set(1, { ...row, timeZone: `${ada.name}'s`, location: 'Room 4\u0000' })
    await clinic.clock.advanceTo('2026-03-02T10:01:00Z')
    clinic.host.fault = new Error(`select * from patients where email = '${ada.email}' -- ${secret}`)
    await clinic.clock.advance(10 * 60_000)
  }
}

async function written(log: (output: Writable) => Logger): Promise<string> {
  const output = new PassThrough()
  const read = text(output)
  await badDay(log(output))
  output.end()
  return read
}

it.each([
  ['pino', (output: Writable) => pino({ level: 'trace' }, output)],
  [
    'winston',
    (output: Writable) =>
      winston.createLogger({
        level: 'silly',
        format: winston.format.json(),
        transports: [new winston.transports.Stream({ stream: output })],
      }),
  ],
] as const)('%s gets fields, and nothing of a person or a credential', async (_, log) => {
  const lines = await written(log)
  for (const word of [organizationId, 'event listener failed', 'smtp_535', 'timeZone', 'directory'])
    expect(lines).toContain(word)
  for (const word of personal) expect(lines).not.toContain(word)
})
