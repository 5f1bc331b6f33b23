import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { capture } from 'appointment-notifications/capture'
import { smtp } from 'appointment-notifications/smtp'
import { createTransport } from 'nodemailer'
import { z } from 'zod'
import { emptyOf, joinedOf, oneByOneOf } from '../by-hand/all.ts'
import type { Message } from '../by-hand/reminders.ts'
import { sender } from '../by-hand/tables.ts'
import { dayMs, hourMs, idsFrom, minuteMs } from '../clinic.ts'
import type { Contest, Contestant, Outlet } from '../contest.ts'
import { floorOf } from '../floor.ts'
import { expectCount, type Figure, type Sample, Samples, timed } from '../measure.ts'
import { measures } from '../measures.ts'
import { ours } from '../ours.ts'
import { fileStore, serverStore } from '../stores.ts'
import type { World } from '../world.ts'

/** What the library and pg-boss take at once. */
const lot = 500
const maxConnections = 5
/** Where each job is done by itself, fewer are enough. */
const part = 5

/** The reminders of a day before have been due for five minutes to an hour; those of two hours before are not. */
const dueNow = (base: number) => (id: number) => new Date(base + dayMs - 55 * minuteMs + (id % 3000) * 1000)

type Job = { readonly appointments: number; readonly phones: boolean; readonly outlet: Outlet }

/** From due to sent and recorded, jobs gone. */
export async function sendDue<C extends Contest>(
  one: Contestant<C>,
  { appointments, phones, outlet }: Job,
  planned: (contest: C) => Promise<(due: number) => Promise<void>> = async () => async () => {},
): Promise<Sample> {
  const base = Date.now()
  const [ids, due] = [idsFrom(1, appointments), phones ? appointments * 2 : appointments]
  const contest = await one.open({ ids, startOf: dueNow(base), phones, outlet })
  await contest.planMany(ids, -hourMs)
  expectCount(`reminders planned by ${one.name}`, await contest.pending(), due * 2)
  await contest.settle()
  const after = await planned(contest)
  const sample = await timed(due, async () => {
    await contest.start('many')
    await contest.sent(due)
  })
  expectCount(`messages recorded by ${one.name}`, await contest.history(), due)
  await after(due)
  await contest.close()
  return sample
}

/** Messages are kept in memory. */
export async function dispatch({ directory, servers, size: { rounds, appointments } }: World): Promise<Figure[]> {
  const samples = new Samples()
  const note = `an e-mail and an SMS each, all due at once; floor: the same rows in ${lot}s, claimed and settled; one by one: a fifth of them`
  const jobOf = (count: number): Job => {
    const outbox: Message[] = []
    const deliver = async (message: Message) => void outbox.push(message)
    return { appointments: count, phones: true, outlet: { transport: capture(), env: {}, deliver } }
  }
  const add = (by: Pick<Contestant, 'name' | 'durability'>, sample: Sample) =>
    samples.add(measures.dispatched, by, note, sample)
  for (let count = 0; count < rounds; count += 1) {
    for (const store of [fileStore(directory), serverStore(servers)]) {
      const bare = { name: store.bare, durability: store.durability }
      const sample = await sendDue(ours(store), jobOf(appointments), async ({ place }) => {
        const floor = await floorOf(store, place)
        return async (due) => {
          add(bare, await floor.follow(due, lot, true))
          await floor.close()
        }
      })
      add(ours(store), sample)
    }
    for (const one of [...joinedOf(servers), ...emptyOf(servers)]) add(one, await sendDue(one, jobOf(appointments)))
    for (const one of oneByOneOf(servers)) add(one, await sendDue(one, jobOf(appointments / part)))
  }
  return samples.figures()
}

const told = z.object({ port: z.number().optional(), received: z.number().optional() })

/** A real SMTP server in a process of its own. */
export async function startServer() {
  const child = fork(fileURLToPath(new URL('../mail-server.ts', import.meta.url)))
  const ask = async (message?: string) => {
    const answer = once(child, 'message')
    if (message !== undefined) child.send(message)
    return told.parse((await answer)[0])
  }
  const { port = 0 } = await ask()
  return { port, received: async () => (await ask('received')).received ?? 0, stop: () => child.disconnect() }
}

/** As nodemailer is used: pooled, over as many connections as the library has. */
function mailer(port: number) {
  const pool = createTransport({ pool: true, host: '127.0.0.1', port, maxConnections, maxMessages: 100 })
  const deliver = ({ from, to, name, subject, text, html, key }: Message) =>
    pool.sendMail({
      from: { name: 'Harbour Clinic', address: from },
      to: { name, address: to },
      ...{ subject: subject ?? '', text, html: html ?? '', messageId: `<${key}@example.org>` },
    })
  return { deliver, close: () => pool.close() }
}

const text = `Hello Patient 1234,

this is a reminder of your appointment on Friday, April 2, 2027 at 2:00 PM with Dr. Smith at Harbour Clinic.

Location: Room 4

If you cannot come, please let us know.
`

/** Nothing but the mails. */
async function bareMails(port: number, mails: number): Promise<Sample> {
  const { deliver, close } = mailer(port)
  const html = `<!doctype html><html lang="en"><body><p>${text.replaceAll('\n', '<br>')}</p></body></html>`
  const messageOf = (id: number): Message => ({
    ...{ key: `reminder-${id}`, channel: 'EMAIL', from: sender, to: `p${id}@example.org`, name: `Patient ${id}` },
    ...{ subject: 'Your appointment at Harbour Clinic', text, html, due: new Date() },
  })
  const sample = await timed(mails, () => Promise.all(idsFrom(1, mails).map((id) => deliver(messageOf(id)))))
  close()
  return sample
}

export async function mail({ directory, servers, size: { rounds, appointments } }: World): Promise<Figure[]> {
  const mails = appointments / 2
  const server = await startServer()
  const samples = new Samples()
  const note = `${mails} mails to a real SMTP server in another process, over ${maxConnections} connections; bare nodemailer stores nothing`
  const env = {
    DEFAULT_SMTP_HOST: '127.0.0.1',
    DEFAULT_SMTP_PORT: String(server.port),
    DEFAULT_EMAIL_FROM_ADDRESS: sender,
  }
  const contestants = [ours(fileStore(directory)), ours(serverStore(servers)), ...joinedOf(servers)]
  await bareMails(server.port, mails)
  for (let round = 0; round < rounds; round++) {
    for (const one of contestants) {
      const { deliver, close } = mailer(server.port)
      const outlet = { transport: smtp({ maxConnections }), env, deliver }
      samples.add(measures.mails, one, note, await sendDue(one, { appointments: mails, phones: false, outlet }))
      close()
    }
    const bare = { name: 'bare nodemailer', durability: '' }
    samples.add(measures.mails, bare, note, await bareMails(server.port, mails))
  }
  expectCount('mails received', await server.received(), mails * (rounds * (contestants.length + 1) + 1))
  server.stop()
  return samples.figures()
}
