/** A host application over real HTTP, SQLite and mail, to be set up wrongly. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express from 'express'
import { onTestFinished } from 'vitest'
import { expressRouter } from '../../adapters/http/express.ts'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { smtp } from '../../adapters/transport/smtp.ts'
import type { Caller, LogFields, Logger, NotificationsOptions } from '../../src/index.ts'
import { listening } from '../adapters/http/listening.ts'
import { admin, authenticate, callerHeader, otherAdmin, service } from '../conformance/http/world.ts'
import { ada, openClinic } from '../support/clinic.ts'
import { startSmtpServer } from '../support/smtp-server.ts'

export { service }
export const staff = admin
export const neighbour = otherAdmin

export const now = '2026-03-18T12:00:00Z'
export const minute = 60_000
/** By e-mail alone, unless the row is about texts. */
export const byMail = { ...ada, phone: null }

/** Something that is set up wrongly, and by what it is recognized. */
export type BrokenSetUp = {
  readonly name: string
  /** Makes it, and lets happen what a host would see of it. */
  readonly make: () => Promise<Host>
  /** In one line of the log, a warning or an error. */
  readonly log: RegExp
  /** In the health that a service is answered. */
  readonly health: RegExp
  readonly status: 'ok' | 'degraded' | 'failing'
  /** In the health that staff of the organization concerned is answered; null: it does not concern them alone. Default: as `health`. */
  readonly staff?: RegExp | null
}

/** Something that is refused when it is written, in words that say what to change. */
export type RefusedSetUp = {
  readonly name: string
  readonly make: () => unknown
  readonly error: RegExp
}

/** Keeps the lines that a logger writes by default: debug and info are not among them. */
class Warnings implements Logger {
  readonly lines: string[] = []
  readonly #keep = (message: string, fields?: LogFields) => void this.lines.push(JSON.stringify({ message, ...fields }))
  debug = () => {}
  info = () => {}
  warn = this.#keep
  error = this.#keep
}

export type HostOptions = Partial<NotificationsOptions> & {
  /** Default: one that works, for all organizations. Null: none is running, and nothing is set up for it. */
  readonly mail?: Record<string, string> | null
  /** Default true: what is due is sent. */
  readonly isStarted?: boolean
  /** Default true: an appointment is booked, and its reminder falls due a minute later. */
  readonly isBooked?: boolean
  /** Default true. */
  readonly isMigrated?: boolean
}

export type Host = Awaited<ReturnType<typeof openHost>>

/** Opened, migrated and started, as far as it can be. */
export async function openHost({
  mail,
  isStarted = true,
  isBooked = true,
  isMigrated = true,
  ...options
}: HostOptions = {}) {
  const server = await startSmtpServer()
  onTestFinished(() => server.close())
  const works = {
    DEFAULT_SMTP_HOST: '127.0.0.1',
    DEFAULT_SMTP_PORT: String(server.port),
    DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.org',
  }
  const warnings = new Warnings()
  const chosen = {
    authenticate,
    transports: [smtp({ allowPrivateHosts: true })],
    env: mail === null ? {} : (mail ?? works),
    logger: warnings,
    storage: sqlite(join(await folder(), 'rows.sqlite')),
    sweepMs: 30_000,
    publicUrl: 'https://clinic.example/api/notifications',
    ...options,
  }
  const clinic = await openClinic(now, chosen, { isMigrated })
  const app = express()
  app.use('/api/notifications', expressRouter(clinic))
  const web = await listening(app.listen(0, '127.0.0.1'))
  onTestFinished(async () => {
    await web.close()
    await clinic[Symbol.asyncDispose]().catch(() => {})
  })

  async function request(method: string, path: string, caller: Caller | null, body?: unknown) {
    const asking = fetch(`${web.origin}/api/notifications${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(caller !== null && { [callerHeader]: JSON.stringify(caller) }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return passing(asking.then(async (answer) => ({ status: answer.status, text: await answer.text() })))
  }

  /** Time goes on while something is waited for that happens over a socket. */
  async function passing<T>(work: Promise<T>): Promise<T> {
    let isOver = false
    const end = work.finally(() => {
      isOver = true
    })
    end.catch(() => {})
    while (!isOver) {
      await clinic.clock.advance(20)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    return end
  }

  const host = {
    ...clinic,
    mails: server.mails,
    lines: warnings.lines,
    request,
    passing,
    health: (caller: Caller | null = service) => request('GET', '/health', caller),
    /** An appointment of the clinic, with a reminder due a minute from now. */
    async remind(id = 1) {
      const startsAt = new Date(clinic.clock.now().getTime() + 61 * minute)
      clinic.host.book({ id, startsAt, recipients: [byMail] })
      await clinic.notifications.scheduleReminders(id, { customReminders: [1] }).catch(() => {})
      await clinic.clock.advance(minute)
    },
  }
  // A host that ends here has read why; one that goes on has its health.
  if (isStarted) await passing(clinic.start()).catch(() => {})
  if (isBooked) await host.remind()
  return host
}

/** A folder that is gone when the test is over. */
export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'broken-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}
