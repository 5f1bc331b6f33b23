import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { quantile } from '../bench/measure.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { startSmtpServer } from '../support/smtp-server.ts'
import { appointmentOf, organizationOf, ownerOf } from './host.ts'
import { lateness, shares, twice, untold } from './judge.ts'
import { type Received, startRelay } from './relay.ts'
import { runTrial, type Trial } from './trial.ts'

export type Verdict = {
  readonly title: string
  readonly facts: Readonly<Record<string, unknown>>
  /** What was promised and not kept. */
  readonly breaches: readonly string[]
}
export type Size = {
  readonly workers: number
  readonly appointments: number
  readonly spreadMs: number
}

/** What is done to what arrived before it is judged, where a promise is to be broken on purpose. */
export type Spoil = (received: readonly Received[]) => readonly Received[]
const asItIs: Spoil = (received) => received

let trials = 0
const newSchema = () => `trial_${process.pid}_${++trials}`

const rounded = (value: number): number => Math.round(value * 10) / 10
const check = (holds: boolean, breach: string): string[] => (holds ? [] : [breach])

const commonBreaches = ({ restedAfterMs, faults, said }: Trial, lost: number): string[] => [
  ...check(restedAfterMs !== null, 'not everything came to rest'),
  ...check(lost === 0, `${lost} lost`),
  ...faults.map((fault) => `${fault}; said: ${said.slice(-3).join(' ')}`),
]

/** Everything is due at once, and every worker takes a fair part of it. */
export async function sharing({ url }: PostgresServer, size: Size, spoil = asItIs): Promise<Verdict> {
  const relay = await startRelay()
  try {
    const through = { relayPort: relay.port, smtpPort: null }
    const trial = await runTrial({ url, schema: newSchema(), ...size, organizations: 10, through, restMs: 300_000 })
    const received = spoil(relay.received)
    const parts = shares(received)
    const [lost, doubled] = [untold(received, size.appointments), twice(received)]
    const fair = size.appointments / size.workers
    return {
      title: `${size.workers} workers share ${size.appointments} due reminders`,
      facts: {
        plannedPerSecond: Math.round(trial.plannedPerSecond),
        sentPerSecond: Math.round((size.appointments / (trial.restedAfterMs ?? Number.NaN)) * 1000),
        parts,
        lost,
        doubled,
        statuses: trial.statuses,
      },
      breaches: [
        ...commonBreaches(trial, lost),
        ...check(doubled === 0, `${doubled} sent twice`),
        ...check(parts.length === size.workers, 'a worker sent nothing'),
        ...check((parts.at(-1) ?? 0) >= fair / 2, `a worker sent ${parts.at(-1)}, less than half of its part`),
      ],
    }
  } finally {
    relay.stop()
  }
}

/** Mail as it arrives at a real server, with the time and the appointment. */
async function startMailbox() {
  const received: Received[] = []
  const server = await startSmtpServer({
    parse: false,
    onMail: ({ from, to: [to = ''] }) =>
      void received.push({ at: Date.now(), appointmentId: appointmentOf(to), worker: from.replace(/@.*/, '') }),
  })
  return { server, received }
}

/** The database loses every connection, and is restarted, while mail goes out. */
export async function restarts(server: PostgresServer, size: Size, spoil = asItIs): Promise<Verdict> {
  const { server: smtp, received: arrived } = await startMailbox()
  let cuts = 0
  try {
    const trial = await runTrial({
      url: server.url,
      schema: newSchema(),
      ...size,
      organizations: 4,
      through: { relayPort: null, smtpPort: smtp.port },
      leaseMs: 15_000,
      restMs: 120_000,
      async meanwhile(ledger) {
        const step = size.spreadMs / 6
        for (let round = 0; round < 4; round += 1) {
          await wait(step)
          if (round === 2) await server.restart()
          else await ledger.cut().then(() => (cuts += 1))
        }
      },
    })
    const received = spoil(arrived)
    const [lost, doubled] = [untold(received, size.appointments), twice(received)]
    return {
      title: `${size.appointments} mails while connections are cut and the database is restarted`,
      facts: { cuts, restarts: 1, lost, doubled, doubtful: trial.doubtful, statuses: trial.statuses },
      breaches: [
        ...commonBreaches(trial, lost),
        ...check(doubled <= trial.doubtful, `${doubled} sent twice, of which ${trial.doubtful} were in doubt`),
        ...check((trial.statuses['FAILED'] ?? 0) === 0, `${trial.statuses['FAILED']} failed`),
      ],
    }
  } finally {
    await smtp.close()
  }
}

/** Accepts connections and never says a word. */
async function startMuteServer() {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** How late the mail of the others is, with and without an organization whose server never answers. */
export async function hanging({ url }: PostgresServer, size: Size, spoil = asItIs): Promise<Verdict> {
  const blocked = organizationOf(0)
  const organizations = 4
  const mute = await startMuteServer()
  const lateWith = async (isMute: boolean) => {
    const { server: smtp, received } = await startMailbox()
    try {
      const trial = await runTrial({
        url,
        schema: newSchema(),
        ...size,
        organizations,
        through: { relayPort: null, smtpPort: smtp.port },
        restMs: 60_000,
        leftOpen: isMute ? Math.ceil(size.appointments / organizations) : 0,
        async prepare({ settings }) {
          if (!isMute) return
          const account = { emailSmtpHost: '127.0.0.1', emailSmtpPort: mute.port, emailFromAddress: 'mute@example.com' }
          await settings.createOrganizationSettings(blocked, account)
        },
      })
      const others = (isMute ? spoil(received) : received).filter(
        ({ appointmentId }) => ownerOf(trial.calendar, appointmentId) !== blocked,
      )
      const late = lateness(others, trial.calendar).map((ms) => ms + trial.aheadMs)
      return { p50: quantile(late, 0.5), p99: quantile(late, 0.99), count: others.length, trial }
    } finally {
      await smtp.close()
    }
  }
  try {
    const normal = await lateWith(false)
    const beside = await lateWith(true)
    const lost = normal.count - beside.count
    return {
      title: `a mail server that never answers, beside ${organizations - 1} organizations`,
      facts: {
        normalMs: { p50: rounded(normal.p50), p99: rounded(normal.p99) },
        besideMs: { p50: rounded(beside.p50), p99: rounded(beside.p99) },
        mails: beside.count,
      },
      breaches: [
        ...commonBreaches(beside.trial, lost),
        ...check(beside.p99 < 2 * normal.p99, `p99 ${beside.p99} ms beside it, ${normal.p99} ms without`),
      ],
    }
  } finally {
    mute.stop()
  }
}
