import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Transport } from 'appointment-notifications'
import { capture } from 'appointment-notifications/capture'
import { hourMs, idsFrom, openClinic, overAMonth } from '../clinic.ts'
import { expectCount, type Line, quantile } from '../measure.ts'
import { silent } from '../transports.ts'

const pendingAppointments = 25_000
const pending = pendingAppointments * 4
const firstSoon = 1_000_000
const soon = 500
const windowMs = 20_000
const idleMs = 10_000

const month = overAMonth(Date.now())

const clinicOn = (path: string, transport: Transport, startOf: (id: number) => Date) =>
  openClinic({ path, transport, startOf, phones: true })

const fileIn = (directory: string): string => join(directory, 'pending.sqlite')

/** Writes the file with a hundred thousand pending reminders that `idle` and `lateness` open, each in a fresh process. */
export async function pendingFile(directory: string): Promise<Line[]> {
  const library = await clinicOn(fileIn(directory), silent, month)
  const summaries = await library.notifications.scheduleMany(idsFrom(1, pendingAppointments))
  const planned = summaries.reduce((sum, one) => sum + ('planned' in one ? one.planned : 0), 0)
  await library.stop()
  expectCount('pending reminders', planned, pending)
  return []
}

/** Runs in a process of its own, so that memory and processor time are of an idle library alone. */
export async function idle(directory: string): Promise<Line[]> {
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  const library = await clinicOn(fileIn(directory), capture(), month)
  await library.start()
  await wait(1000)
  globalThis.gc?.()
  const cpu = process.cpuUsage()
  await wait(idleMs)
  const { user, system } = process.cpuUsage(cpu)
  const rss = process.memoryUsage().rss
  await library.stop()
  return [
    {
      measure: 'idle processor, of one core',
      unit: '%',
      ours: (user + system) / idleMs / 10,
      raw: null,
      cpuUs: null,
      note: `${pending} pending, ${idleMs / 1000} s, alarms and foreign commits watched`,
    },
    {
      measure: 'idle memory, resident',
      unit: 'MB',
      ours: rss / 2 ** 20,
      raw: before / 2 ** 20,
      cpuUs: null,
      note: `${pending} pending, whole Node process; raw: the same process before it opened the library's storage`,
    },
  ]
}

/** From a reminder's time to the moment its message is with the transport. */
export async function lateness(directory: string): Promise<Line[]> {
  const base = Date.now() + 24 * hourMs + 3000
  const startOf = (id: number) =>
    id < firstSoon ? month(id) : new Date(base + Math.floor(((id - firstSoon) * windowMs) / soon))
  const outbox = capture()
  const library = await clinicOn(fileIn(directory), outbox, startOf)
  await library.start()
  await library.notifications.scheduleMany(idsFrom(firstSoon, soon), { customReminders: [24] })
  await wait(base - 24 * hourMs + windowMs + 500 - Date.now())
  await library.stop()
  // An e-mail and an SMS each; the address tells the appointment.
  const mails = outbox.sent.filter((message) => message.channel === 'EMAIL')
  expectCount('messages in time', mails.length, soon)
  const late = mails.map(({ to, at }) => {
    const id = Number(to.slice(1, to.indexOf('@')))
    return at.getTime() - (startOf(id).getTime() - 24 * hourMs)
  })
  const note = `${soon * 2} due over ${windowMs / 1000} s, ${pending} pending; due time to transport`
  return [
    { measure: 'lateness, p50', unit: 'ms', ours: quantile(late, 0.5), raw: null, cpuUs: null, note },
    { measure: 'lateness, p99', unit: 'ms', ours: quantile(late, 0.99), raw: null, cpuUs: null, note },
  ]
}
