import { calendar } from 'appointment-notifications/calendar'
import { smtp } from 'appointment-notifications/smtp'
import { clockAhead } from '../../support/clock-ahead.ts'
import { sender } from '../by-hand/tables.ts'
import { dayMs, idsFrom, minuteMs, nobody, openClinic } from '../clinic.ts'
import { organizations } from '../host.ts'
import { expectCount, type Figure, quantile, type Sample, timed } from '../measure.ts'
import { measures } from '../measures.ts'
import { ourName, withoutReplanJobs } from '../ours.ts'
import { fileStore } from '../stores.ts'
import type { World } from '../world.ts'
import { startServer } from './sending.ts'

/** A round takes about a second, and the difference is a few of a hundred. */
const pairs = 5

/** Confirmations over SMTP, each with a calendar file beside and attached, and the same without: what the files add to each. */
export async function calendarFiles({ directory, size: { rounds, appointments } }: World): Promise<Figure[]> {
  const mails = Math.ceil(appointments / 5)
  const server = await startServer()
  const store = fileStore(directory)
  const startOf = (id: number) => new Date(Date.now() + 9 * dayMs + id * minuteMs)

  async function confirm(withFiles: boolean): Promise<Sample> {
    const place = await store.make()
    const open = (options: Pick<Parameters<typeof openClinic>[0], 'clock'> = {}) =>
      openClinic({
        ...{ storage: place.storage(), transport: smtp(), startOf, hasPhone: nobody, reconcileMs: false, ...options },
        ...(withFiles && { calendar: calendar() }),
        env: {
          DEFAULT_SMTP_HOST: '127.0.0.1',
          DEFAULT_SMTP_PORT: String(server.port),
          DEFAULT_EMAIL_FROM_ADDRESS: sender,
        },
      })
    // A confirmation waits for a minute, in which the appointment may change.
    const before = await open({ clock: clockAhead(() => -2 * minuteMs) })
    for (const id of organizations) {
      await before.settings.createOrganizationSettings(id, { calendarFiles: withFiles, defaultEmailReminders: [] })
    }
    for (const id of idsFrom(1, mails)) await before.notifications.appointmentBooked(id)
    await before.stop()
    await withoutReplanJobs(place)
    const library = await open()
    const all = Promise.withResolvers<void>()
    let sent = 0
    library.events.on('notification.sent', () => {
      sent += 1
      if (sent === mails) all.resolve()
    })
    library.events.on('notification.failed', ({ code }) => all.reject(new Error(code)))
    const sample = await timed(mails, async () => {
      await library.start()
      await all.promise
    })
    await library.stop()
    await place.drop()
    return sample
  }

  for (const withFiles of [false, true]) await confirm(withFiles)
  const shares: { cpu: number; time: number }[] = []
  for (let round = 0; round < rounds * pairs; round += 1) {
    // Each goes first as often.
    const first = await confirm(round % 2 === 0)
    const second = await confirm(round % 2 === 1)
    const [files, none] = round % 2 === 0 ? [first, second] : [second, first]
    shares.push({ cpu: files.cpuUs / none.cpuUs, time: none.perSecond / files.perSecond })
  }
  expectCount('mails received', await server.received(), 2 * mails * (rounds * pairs + 1))
  server.stop()
  const figure = (measure: string, of: (share: (typeof shares)[number]) => number): Figure => ({
    ...{ measure, by: ourName(store), unit: '%', durability: store.durability, cpuUs: null },
    value: 100 * (quantile(shares.map(of), 0.5) - 1),
    note: `${mails} confirmations with calendar files beside as many without`,
  })
  return [figure(measures.calendarCpu, ({ cpu }) => cpu), figure(measures.calendarTime, ({ time }) => time)]
}
