/** A clinic in real time, between real servers: what every trial of the proof starts from and is judged by. */
import { setTimeout as wait } from 'node:timers/promises'
import { smtp } from '../../adapters/transport/smtp.ts'
import {
  createNotifications,
  type Directory,
  type DirectoryAppointment,
  type EntityId,
  type LogFields,
  type Logger,
  type NotificationsOptions,
} from '../../src/index.ts'
import { type SmtpTestServer, startSmtpServer } from '../support/smtp-server.ts'

/** What a trial came to. `breaches`: promises beside the first one, that everybody is told. */
export type Verdict = {
  readonly name: string
  /** How many were to be told. */
  readonly expected: number
  readonly facts: Readonly<Record<string, number | string>> & { readonly sent: number }
  readonly breaches: readonly string[]
}

export const judge = ({ name, expected, facts, breaches }: Verdict): string[] => [
  ...check(facts.sent === expected, `${name}: ${expected - facts.sent} of ${expected} not sent`),
  ...breaches,
]

export const organizationOf = (index: number): string => `0f1e2d3c-4b5a-4978-8695-${String(index).padStart(12, '0')}`
const addressOf = (id: number): string => `p${id}@example.org`
const hourMs = 3_600_000

export const leaseMs = 5000
export const sweepMs = 1000
/** How long after a fault all must be going again: a minute and a sweep. */
export const goingAgainMs = 60_000 + sweepMs

/** Appointments whose reminders fall due one after the other, an hour before the start. */
export class Host implements Directory {
  readonly #rows = new Map<EntityId, DirectoryAppointment>()
  /** What stands between the library and the answers, by organization. */
  between: (organizationId: string) => Promise<void> = async () => {}

  /** `count` more, due evenly over `spreadMs` from `fromMs` from now, of so many organizations in turn. */
  book(count: number, fromMs: number, spreadMs: number, organizations = 1): EntityId[] {
    const first = this.#rows.size + 1
    return Array.from({ length: count }, (_, index) => {
      const id = first + index
      this.#rows.set(id, {
        id,
        organizationId: organizationOf(id % organizations),
        startsAt: new Date(Date.now() + hourMs + fromMs + (index * spreadMs) / count),
        timeZone: 'Europe/Berlin',
        recipients: [{ type: 'PATIENT', id, email: addressOf(id) }],
      })
      return id
    })
  }

  async appointments(ids: readonly EntityId[]) {
    const rows = ids.flatMap((id) => this.#rows.get(id) ?? [])
    for (const organizationId of new Set(rows.map((row) => row.organizationId))) await this.between(organizationId)
    return rows
  }

  async organizations(ids: readonly string[]) {
    return ids.map((id) => ({ id, name: 'Harbour Clinic' }))
  }
}

/** What was logged, and when. */
export class Lines implements Logger {
  readonly written: { readonly at: number; readonly text: string }[] = []
  readonly #keep = (message: string, fields?: LogFields) =>
    void this.written.push({ at: Date.now(), text: JSON.stringify({ message, ...fields }) })
  debug = () => {}
  info = () => {}
  warn = this.#keep
  error = this.#keep
}

/** Mail as it arrived, outside the library. */
export type Mailbox = {
  readonly server: SmtpTestServer
  readonly arrived: { readonly to: string; readonly at: number }[]
}

export async function openMailbox(): Promise<Mailbox> {
  const arrived: { to: string; at: number }[] = []
  const onMail = ({ to: [to = ''] }: { readonly to: readonly string[] }) => void arrived.push({ to, at: Date.now() })
  return { server: await startSmtpServer({ parse: false, onMail }), arrived }
}

/** The library as a host would open it, with short leases so that a trial takes seconds. */
export function openLibrary(
  port: number,
  host: Host,
  options: Pick<NotificationsOptions, 'storage'> & Partial<NotificationsOptions>,
) {
  const lines = new Lines()
  const library = createNotifications({
    directory: host,
    transports: [smtp({ allowPrivateHosts: true, commandTimeoutMs: 3000 })],
    env: {
      DEFAULT_SMTP_HOST: '127.0.0.1',
      DEFAULT_SMTP_PORT: String(port),
      DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.org',
    },
    leaseMs,
    sweepMs,
    drainMs: 2000,
    reconcileMs: false,
    logger: lines,
    ...options,
  })
  return { library, lines }
}

export const schedule = async (library: ReturnType<typeof createNotifications>, ids: readonly EntityId[]) => {
  const results = await library.notifications.scheduleMany(ids, { customReminders: [1] })
  const failed = results.filter((result) => 'error' in result)
  if (failed.length > 0) throw new Error(`${failed.length} reminders could not be planned`)
}

/** Waits until everybody was told, or until it is too late; returns when the last mail came. */
export async function allArrived({ arrived }: Mailbox, count: number, untilAt: number): Promise<number> {
  while (new Set(arrived.map(({ to }) => to)).size < count && Date.now() < untilAt) await wait(50)
  return arrived.at(-1)?.at ?? Number.NaN
}

export const lostOf = ({ arrived }: Mailbox, ids: readonly EntityId[]): EntityId[] => {
  const told = new Set(arrived.map(({ to }) => to))
  return ids.filter((id) => !told.has(addressOf(Number(id))))
}

export const twiceOf = ({ arrived }: Mailbox): number => arrived.length - new Set(arrived.map(({ to }) => to)).size

export const check = (holds: boolean, breach: string): string[] => (holds ? [] : [breach])

/** `stop()` ends in time whatever hangs. Returns how long it took. */
export async function stopInTime(library: ReturnType<typeof createNotifications>): Promise<number> {
  const began = performance.now()
  const late = AbortSignal.timeout(15_000)
  await Promise.race([library.stop(), wait(15_000, undefined, { signal: late }).catch(() => {})])
  return Math.round(performance.now() - began)
}

/** How long `stop()` may take, with a drain of two seconds. */
export const stopLimitMs = 4500
