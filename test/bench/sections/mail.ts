import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { smtp } from 'appointment-notifications/smtp'
import { createTransport } from 'nodemailer'
import { z } from 'zod'
import { idsFrom, nobody } from '../clinic.ts'
import { prepare } from '../dispatching.ts'
import { expectCount, type Figure, type Sample, Samples, timed } from '../measure.ts'
import { measures } from '../measures.ts'
import { ourName } from '../ours.ts'
import { fileStore, type Store, serverStore } from '../stores.ts'
import type { World } from '../world.ts'

const rounds = 3
const mails = 3000
const maxConnections = 5

const note = `real SMTP server in another process, ${maxConnections} connections; bare: pooled nodemailer, which stores nothing`

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

async function ours(store: Store, port: number): Promise<Sample> {
  const place = await store.make()
  const { plan, sendAll } = prepare({
    place,
    appointments: mails,
    due: mails,
    transport: smtp({ maxConnections }),
    hasPhone: nobody,
    env: {
      DEFAULT_SMTP_HOST: '127.0.0.1',
      DEFAULT_SMTP_PORT: String(port),
      DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.org',
    },
  })
  await plan()
  const { sample, settled } = await sendAll()
  expectCount('mails recorded as sent', settled, mails)
  await place.drop()
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

export async function mail({ directory, servers }: World): Promise<Figure[]> {
  const server = await startServer()
  const samples = new Samples()
  const stores = [fileStore(directory), serverStore(servers)]
  await bare(server.port)
  for (let round = 0; round < rounds; round++) {
    for (const store of stores) {
      const by = { name: ourName(store), durability: store.durability }
      samples.add(measures.mails, by, note, await ours(store, server.port))
    }
    samples.add(measures.mails, { name: 'bare nodemailer', durability: '' }, note, await bare(server.port))
  }
  expectCount('mails received', await server.received(), mails * (rounds * (stores.length + 1) + 1))
  server.stop()
  return samples.figures()
}
