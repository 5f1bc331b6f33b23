import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { smtp } from 'appointment-notifications/smtp'
import { createTransport } from 'nodemailer'
import { z } from 'zod'
import { clockAhead, hourMs, idsFrom, minuteMs, openClinic } from '../clinic.ts'
import { expectCount, type Line, rates, type Sample, timed } from '../measure.ts'

const rounds = 3
const mails = 3000
const maxConnections = 5

const told = z.object({ port: z.number().optional(), received: z.number().optional() })

/** A real SMTP server in a process of its own. */
async function startServer() {
  const child = fork(fileURLToPath(new URL('../mail-server.ts', import.meta.url)))
  const ask = async (message?: string) => {
    const answer = once(child, 'message')
    if (message !== undefined) child.send(message)
    return told.parse((await answer)[0])
  }
  const { port = 0 } = await ask()
  return { port, received: async () => (await ask('received')).received ?? 0, stop: () => child.disconnect() }
}

async function ours(path: string, port: number): Promise<Sample> {
  let ahead = 0
  const base = Date.now()
  const library = await openClinic({
    path,
    transport: smtp({ maxConnections }),
    startOf: () => new Date(base + 24 * hourMs + minuteMs),
    phones: false,
    clock: clockAhead(() => ahead),
    env: {
      DEFAULT_SMTP_HOST: '127.0.0.1',
      DEFAULT_SMTP_PORT: String(port),
      DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.org',
    },
  })
  await library.notifications.scheduleMany(idsFrom(1, mails))
  ahead = hourMs
  const all = Promise.withResolvers<void>()
  let sent = 0
  library.events.on('reminder.sent', () => {
    sent += 1
    if (sent === mails) all.resolve()
  })
  library.events.on('reminder.failed', ({ code }) => all.reject(new Error(code)))
  const sample = await timed(mails, async () => {
    await library.start()
    await all.promise
  })
  await library.stop()
  return sample
}

const text = `Hello Patient 1234,

this is a reminder of your appointment tomorrow, Friday, April 2, 2027 at 2:00 PM with Dr. Smith at Harbour Clinic.

Location: Room 4
Duration: 30 minutes

If you cannot come, please let us know.
`

async function bare(port: number): Promise<Sample> {
  const pool = createTransport({ pool: true, host: '127.0.0.1', port, maxConnections, maxMessages: 100 })
  const sample = await timed(mails, () =>
    Promise.all(
      idsFrom(1, mails).map((id) =>
        pool.sendMail({
          from: { name: 'Harbour Clinic', address: 'clinic@example.org' },
          to: { name: `Patient ${id}`, address: `p${id}@example.org` },
          subject: 'Reminder: your appointment tomorrow at 2:00 PM',
          text,
          html: `<!doctype html><html lang="en"><body><p>${text.replaceAll('\n', '<br>')}</p></body></html>`,
        }),
      ),
    ),
  )
  pool.close()
  return sample
}

export async function mail(directory: string): Promise<Line[]> {
  const server = await startServer()
  const mine: Sample[] = []
  const limit: Sample[] = []
  await bare(server.port)
  for (let round = 0; round < rounds; round++) {
    mine.push(await ours(join(directory, `mail-${round}.sqlite`), server.port))
    limit.push(await bare(server.port))
  }
  expectCount('mails received', await server.received(), mails * (2 * rounds + 1))
  server.stop()
  const note = `real SMTP server in another process, ${maxConnections} connections; raw: bare pooled nodemailer, which stores nothing`
  return [rates('mails sent through SMTP', mine, limit, note)]
}
